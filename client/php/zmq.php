#!/usr/bin/php
<?php
/* One request to the broker's ZeroMQ frontend, and its result as a line of JSON.
 *
 *   zmq.php tcp://127.0.0.1:9502 push OPENID KEY [NAME=VALUE...] [--id ID] [--in MS] [--ttl MS] [--task LABEL] [--app NAME]
 *   zmq.php tcp://127.0.0.1:9502 send OPENID KEY [NAME=VALUE...]
 *   zmq.php tcp://127.0.0.1:9502 status ID
 *   zmq.php tcp://127.0.0.1:9502 cancel ID
 *
 * Needs php-zmq and php-msgpack. To be read and taken over: the class below is all that an application needs. Every message has an
 * id, so a request may be asked again until it is answered and stays one message. proto/MESSAGES.md lists all members.
 * Exit status: 0 for 200 and 100 (not settled yet), 1 for any other code, 2 for wrong usage, 5 when there is no answer.
 */

final class MegaZmq
{
    const AGAIN_MS = 2000; // until an unanswered request is asked again
    const LIMIT_S = 90;    // a send may wait for WeChat

    private ZMQSocket $socket;
    private int $lastRef = 0;

    public function __construct(string $endpoint)
    {
        $this->socket = new ZMQSocket(new ZMQContext(), ZMQ::SOCKET_DEALER); // no identity: two clients of one name are one too many
        $this->socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 0);
        $this->socket->setSockOpt(ZMQ::SOCKOPT_RCVTIMEO, self::AGAIN_MS);
        /* A frontend under CURVE: the three keys of 40 characters, as they stand in SHOP.key of `mega keygen SHOP` and in the broker's
         * public file. docs/security.md
         *   $this->socket->setSockOpt(ZMQ::SOCKOPT_CURVE_PUBLICKEY, $publicKey);
         *   $this->socket->setSockOpt(ZMQ::SOCKOPT_CURVE_SECRETKEY, $secretKey);
         *   $this->socket->setSockOpt(ZMQ::SOCKOPT_CURVE_SERVERKEY, $serverKey); */
        $this->socket->connect($endpoint);
    }

    /** Asks until there is a result: ['code' => 200, 'id' => ..., 'state' => ..., ...]; null when there is none within LIMIT_S. */
    public function ask(array $request): ?array
    {
        $request['ref'] = ++$this->lastRef;
        $packed = self::pack($request); // once: asked again it has to be the same bytes
        $end = hrtime(true) + self::LIMIT_S * 1000000000;
        while (hrtime(true) < $end) {
            $this->socket->send($packed);
            while (($frames = $this->socket->recvMulti()) !== false) { // false: nothing for AGAIN_MS
                foreach ($frames as $frame) {
                    $result = msgpack_unpack($frame);
                    if (is_array($result) && ($result['ref'] ?? null) === $request['ref']) { // else a late answer to an earlier one
                        return $result;
                    }
                }
            }
        }
        return null;
    }

    /** A map, always. msgpack_pack() makes an array of one whose names are 0, 1, ..., and of an empty one. */
    private static function pack(array $map): string
    {
        $packed = pack('Cn', 0xde, count($map));
        foreach ($map as $name => $value) {
            $packed .= msgpack_pack((string)$name) . (is_array($value) ? self::pack($value) : msgpack_pack($value));
        }
        return $packed;
    }
}

/** The request that the command line asks for; null when it makes no sense. */
function request_of(array $words): ?array
{
    $op = array_shift($words);
    if ($op === 'status' || $op === 'cancel') {
        return count($words) === 1 ? ['op' => $op, 'id' => $words[0]] : null;
    }
    if (($op !== 'push' && $op !== 'send') || count($words) < 2) {
        return null;
    }
    $request = ['op' => $op, 'id' => bin2hex(random_bytes(16)), 'openid' => array_shift($words), 'key' => array_shift($words)];
    $vars = [];
    while ($words) {
        $word = array_shift($words);
        if (preg_match('/^--(id|task|app|in|ttl)$/', $word, $option) && $words) {
            $value = array_shift($words);
            $request[$option[1]] = $option[1] === 'in' || $option[1] === 'ttl' ? (int)$value : $value;
        } elseif (strpos($word, '=') !== false) {
            [$name, $value] = explode('=', $word, 2);
            $vars[$name] = $value;
        } else {
            return null;
        }
    }
    return $request + ['vars' => $vars];
}

function main(array $arguments): int
{
    $endpoint = $arguments[1] ?? '';
    $request = request_of(array_slice($arguments, 2));
    if ($endpoint === '' || $request === null) {
        fwrite(STDERR, "usage: zmq.php ENDPOINT push|send OPENID KEY [NAME=VALUE...] [--id ID] [--in MS] [--ttl MS] [--task LABEL] [--app NAME]\n"
            . "       zmq.php ENDPOINT status|cancel ID\n");
        return 2;
    }
    $result = (new MegaZmq($endpoint))->ask($request);
    if ($result === null) {
        fwrite(STDERR, "no answer from $endpoint within " . MegaZmq::LIMIT_S . " s; ask again with id {$request['id']}\n");
        return 5;
    }
    echo json_encode($result, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
    return $result['code'] === 200 || $result['code'] === 100 ? 0 : 1;
}

exit(main($argv));
