#!/usr/bin/php
<?php
/* Commands of the Mega-Wechat TCP protocol, and their answers; plain PHP, no extension.
 *
 *   tcp.php 127.0.0.1:9501 push OPENID KEY ['{"item":"tea"}' [in=60000 id=... ...]]
 *   tcp.php 127.0.0.1:9501 send OPENID KEY ['{"item":"tea"}' ...]
 *   tcp.php 127.0.0.1:9501 tset KEY
 *   tcp.php 127.0.0.1:9501 -          one such command a line from standard input: push OPENID KEY VARIABLES
 *
 * To be read and taken over: the class below is all that an application needs. Many requests may be under way at once; answers
 * come in any order and are matched by opaque. A connection that is lost is made again and what is unanswered sent again: each message
 * has an id= that makes it the same message then.
 * An answer is a line: NUMBER CODE MESSAGE; NUMBER counts the commands, from 1.
 * Exit status: 0 when all answers were 200, 1 when one was 400, 4 when one was 500, 2 for wrong usage, 5 when an answer is missing.
 */

final class MegaTcp
{
    const CONNECT_S = 30;    // a gateway that is restarted is there again by then
    const ANSWER_S = 120;    // nothing at all is heard for so long: given up. A send may wait for WeChat
    const UNANSWERED_MAX = 256;

    private string $address;
    private $stream = null;
    private string $input = '';       // what came of an answer that is not whole yet
    private array $unanswered = [];   // opaque => package
    private int $lastOpaque = 0;

    public function __construct(string $address)
    {
        $this->address = $address;
    }

    /** Sends a command; returns its opaque number. $parameters: text behind KEY, such as "in=60000"; null variables are none. */
    public function command(string $header, ?string $variables = null, bool $hasBody = true): int
    {
        $opaque = ++$this->lastOpaque;
        $package = pack('N', strlen($header)) . $header . pack('N', $opaque);
        if ($hasBody) {
            $variables = $variables ?? 'null';
            $package .= pack('N', strlen($variables)) . $variables;
        }
        $this->unanswered[$opaque] = pack('N', strlen($package)) . $package;
        if ($this->stream === null || !$this->write($this->unanswered[$opaque])) {
            $this->reconnect();
        }
        return $opaque;
    }

    public function push(string $openid, string $key, ?string $variables = null, string $parameters = ''): int
    {
        return $this->command("push $openid $key" . self::withId($parameters), $variables);
    }

    public function send(string $openid, string $key, ?string $variables = null, string $parameters = ''): int
    {
        return $this->command("send $openid $key" . self::withId($parameters), $variables);
    }

    public function tset(string $key): int
    {
        return $this->command("tset $key", null, false);
    }

    public function unanswered(): int
    {
        return count($this->unanswered);
    }

    /** The next answer, whichever request it is for: [opaque, code, message]. */
    public function answer(): array
    {
        while (($package = $this->package()) === null) {
            $data = @fread($this->stream, 65536);
            if ($data === false || $data === '') {
                if (stream_get_meta_data($this->stream)['timed_out']) {
                    throw new RuntimeException("no answer from $this->address within " . self::ANSWER_S . ' s');
                }
                $this->reconnect();
            } else {
                $this->input .= $data;
            }
        }
        $header = substr($package, 4, self::number($package, 0));
        $opaque = self::number($package, 4 + strlen($header));
        $message = substr($package, 12 + strlen($header));
        if (!isset($this->unanswered[$opaque])) {
            throw new RuntimeException("$this->address: $message"); // opaque 0: what was sent is no package of the protocol
        }
        unset($this->unanswered[$opaque]);
        return [$opaque, (int)substr($header, strlen('result ')), $message];
    }

    /** Connects, again if need be, and sends what is unanswered. */
    private function reconnect(): void
    {
        $end = microtime(true) + self::CONNECT_S;
        do {
            $this->input = '';
            $this->stream = @stream_socket_client("tcp://$this->address", $errno, $error, self::CONNECT_S) ?: null;
            if ($this->stream !== null) {
                stream_set_timeout($this->stream, self::ANSWER_S);
                if ($this->write(implode('', $this->unanswered))) {
                    return;
                }
            }
            usleep(100000);
        } while (microtime(true) < $end);
        throw new RuntimeException("$this->address cannot be reached: $error");
    }

    private function write(string $data): bool
    {
        while ($data !== '') {
            $written = @fwrite($this->stream, $data);
            if (!$written) {
                return false;
            }
            $data = substr($data, $written);
        }
        return true;
    }

    /** The next whole package of what has come, or null. */
    private function package(): ?string
    {
        if (strlen($this->input) < 4 || strlen($this->input) < 4 + self::number($this->input, 0)) {
            return null;
        }
        $bytes = self::number($this->input, 0);
        $package = substr($this->input, 4, $bytes);
        $this->input = substr($this->input, 4 + $bytes);
        return $package;
    }

    private static function number(string $data, int $at): int
    {
        return unpack('N', $data, $at)[1];
    }

    private static function withId(string $parameters): string
    {
        $parameters = $parameters === '' ? '' : " $parameters";
        return preg_match('/ id=/', $parameters) ? $parameters : $parameters . ' id=' . bin2hex(random_bytes(16));
    }
}

/** Sends the command of these words; false when they make none. */
function begin(MegaTcp $mega, array $words): bool
{
    $command = array_shift($words);
    if ($command === 'tset' && count($words) === 1) {
        $mega->tset($words[0]);
    } elseif (($command === 'push' || $command === 'send') && count($words) >= 2) {
        $mega->$command($words[0], $words[1], $words[2] ?? null, implode(' ', array_slice($words, 3)));
    } else {
        return false;
    }
    return true;
}

/** Prints the next answer and returns the exit status that it asks for. */
function finish(MegaTcp $mega): int
{
    [$opaque, $code, $message] = $mega->answer();
    echo rtrim("$opaque $code $message"), "\n";
    return [200 => 0, 400 => 1][$code] ?? 4;
}

function main(array $arguments): int
{
    $words = array_slice($arguments, 2);
    $commands = $words === ['-'] ? new NoRewindIterator(new SplFileObject('php://stdin')) : [$words];
    $mega = new MegaTcp($arguments[1] ?? '');
    $status = 0;
    foreach ($commands as $line) {
        if ($line === '' || $line === "\n") {
            continue;
        }
        if (!begin($mega, is_array($line) ? $line : explode(' ', rtrim($line, "\n"), 4))) {
            fwrite(STDERR, "usage: tcp.php HOST:PORT push|send OPENID KEY [VARIABLES [NAME=VALUE...]]\n"
                . "       tcp.php HOST:PORT tset KEY\n       tcp.php HOST:PORT -    (the same, a line each, without NAME=VALUE)\n");
            return 2;
        }
        while ($mega->unanswered() >= MegaTcp::UNANSWERED_MAX) {
            $status = max($status, finish($mega));
        }
    }
    while ($mega->unanswered() > 0) {
        $status = max($status, finish($mega));
    }
    return $status;
}

try {
    exit(main($argv));
} catch (RuntimeException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(5);
}
