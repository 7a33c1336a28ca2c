"""The WeChat simulator: customer-service and subscription messages. What is common to all kinds is in test_sim.py."""
import http.client
import json
import unittest

from test_sim import SEND, Case, message

CUSTOM = "/cgi-bin/message/custom/send"
SUBSCRIBE = "/cgi-bin/message/subscribe/send"
BIZ = "/cgi-bin/message/subscribe/bizsend"
KINDS = (SEND, CUSTOM, SUBSCRIBE, BIZ)


def custom(openid="oUser", msgtype="text", part=None, **changes):
    """A customer-service message; `part` is the object that has the type's name."""
    body = {"touser": openid, "msgtype": msgtype, "text": {"content": "你好"}}
    if part is not None:
        body[msgtype] = part
    body.update(changes)
    return json.dumps({k: v for k, v in body.items() if v is not None}, ensure_ascii=False).encode()


def good(path, openid="oUser"):
    """A message of the kind that is sent by this path."""
    return custom(openid) if path == CUSTOM else message(openid)


class Kinds(Case):
    def test_all_kinds(self):
        sim = self.start()
        answers = [sim.send(good(path), path=path) for path in KINDS]
        self.assertEqual([sorted(answer) for answer in answers],
                         [["errcode", "errmsg", "msgid"], ["errcode", "errmsg"]] * 2)
        self.assertEqual({(answer["errcode"], answer["errmsg"]) for answer in answers}, {(0, "ok")})
        self.assertGreater(answers[2]["msgid"], answers[0]["msgid"])
        self.assertEqual(sim.stats()["delivered"], 4)
        for path, answer in zip(KINDS, answers):
            line, = sim.journal(path)
            self.assertEqual((line["openid"], line["result"], line["msgid"], line["body"].encode()),
                             ("oUser", "delivered", answer.get("msgid"), good(path)))
        for path in KINDS:
            self.assertEqual(sim.call("GET", sim.path(path=path))["errcode"], 43002)
            self.assertEqual(sim.code(good(path), "never", path), 40014)
            self.assertEqual(sim.call("POST", path, good(path))["errcode"], 41001)
            self.assertEqual(sim.code(b"", path=path), 44002)
            self.assertEqual(sim.code(b"[]", path=path), 47001)
            self.assertEqual(sim.code(good(path, openid=""), path=path), 40003)
        for path in ("/cgi-bin/message/custom/typing", "/cgi-bin/message/subscribe", CUSTOM + "/"):
            self.assertEqual(sim.raw("POST", sim.path(path=path), custom())[0], 404, path)

    def test_custom(self):
        sim = self.start()
        media, both = {"media_id": "M"}, {"media_id": "M", "thumb_media_id": "T"}
        music = {"musicurl": "u", "hqmusicurl": "h", "thumb_media_id": "T"}
        page = {"title": "t", "appid": "wx1", "pagepath": "p", "thumb_media_id": "T"}
        article = {"title": "t", "url": "u"}
        for body, errcode in (
                (custom(msgtype=None), 40008), (custom(msgtype="fax"), 40008), (custom(msgtype=1), 40008),
                (custom(msgtype="Text"), 40008), (custom(text=None), 44004), (custom(text="x"), 44004),
                (custom(text={"content": ""}), 44004), (custom(text={"content": 7}), 44004),
                (b'{"touser":"o","msgtype":"text","text":{"content":"\\u4f60"}}', 40033),
                (custom(extra={"x": 1}, aimsgcontext={"is_ai_msg": 1}), 0), (custom(client_msg_id=5), 0),
                (custom(msgtype="image", part=media), 0), (custom(msgtype="image"), 41006),
                (custom(msgtype="voice", part=media), 0), (custom(msgtype="voice", part={"media_id": ""}), 41006),
                (custom(msgtype="mpnews", part=media), 0), (custom(msgtype="mpnews", part={}), 41006),
                (custom(msgtype="video", part=both), 0), (custom(msgtype="video", part=media), 41006),
                (custom(msgtype="music", part=music), 0), (custom(msgtype="music", part=both), 61451),
                (custom(msgtype="news", part={"articles": [article]}), 0),
                (custom(msgtype="news", part={"articles": [article, article]}), 45008),
                (custom(msgtype="news", part={"articles": []}), 44003), (custom(msgtype="news"), 44003),
                (custom(msgtype="mpnewsarticle", part={"article_id": "a"}), 0),
                (custom(msgtype="mpnewsarticle", part={"article_id": 1}), 61451),
                (custom(msgtype="msgmenu", part={"list": [{"id": "1", "content": "yes"}]}), 0),
                (custom(msgtype="msgmenu", part={"head_content": "?"}), 61451),
                (custom(msgtype="wxcard", part={"card_id": "c"}), 0), (custom(msgtype="wxcard", part={}), 61451),
                (custom(msgtype="miniprogrampage", part=page), 0),
                (custom(msgtype="miniprogrampage", part=dict(page, appid="")), 61451),
                (custom(msgtype="miniprogrampage", part=dict(page, thumb_media_id=None)), 41006),
                (custom(msgtype="link", part=article), 0), (custom(msgtype="link", part={"title": "t"}), 61451),
                (custom(customservice={"kf_account": "a@b"}), 0), (custom(customservice={}), 61452),
                (custom(customservice="a@b"), 61452)):
            self.assertEqual(sim.code(body, path=CUSTOM), errcode, body)

    def test_subscribe(self):
        sim = self.start()
        for body, both in (
                (message(template_id=None), 40037), (message(data=None), 47003), (message(data={"a": 1}), 47003),
                (message(page="index?foo=bar"), 0), (message(page=1), 41030), (message(lang="zh_CN"), 0),
                (message(client_msg_id=5), 0), (message(extra=1), 0)):
            for path in (SUBSCRIBE, BIZ):
                self.assertEqual(sim.code(body, path=path), both, (path, body))
        for changes, subscribe, biz in (
                ({"miniprogram_state": "trial"}, 0, 0), ({"miniprogram_state": "beta"}, 47003, 0),
                ({"miniprogram_state": 1}, 47003, 0), ({"miniprogram": {}}, 0, 40166),
                ({"miniprogram": {"appid": "wx1"}}, 0, 0), ({"miniprogram": "wx1"}, 0, 40166),
                ({"miniprogram": {"appid": "wx1", "pagepath": 1}}, 0, 40165)):
            codes = [sim.code(message(**changes), path=path) for path in (SUBSCRIBE, BIZ)]
            self.assertEqual(codes, [subscribe, biz], changes)
        self.assertIn("data.first.value", sim.send(message(data={"first": {}}), path=SUBSCRIBE)["errmsg"])
        self.assertIn("miniprogram_state", sim.send(message(miniprogram_state=""), path=SUBSCRIBE)["errmsg"])

    def test_no_dedupe_without_a_key(self):
        """Each accepted call is delivered; two of the same message show in the journal as the same body twice."""
        sim = self.start()
        for path in (CUSTOM, SUBSCRIBE, BIZ):
            body = custom(client_msg_id="id1") if path == CUSTOM else message(client_msg_id="id1")
            for _ in range(2):
                self.assertEqual(sim.code(body, path=path), 0)
            self.assertEqual([(line["result"], line["client_msg_id"], line["body"].encode())
                              for line in sim.journal(path)], [("delivered", None, body)] * 2)
        self.assertEqual(sim.code(message(client_msg_id="id1")), 0)  # nor has template/send seen the id
        stats = sim.stats()
        self.assertEqual((stats["delivered"], stats["duplicates"]), (7, 0))

    def test_faults_and_latency(self):
        sim = self.start("--latency", "60-80", "--fault", "sub=43004*1", "--fault", "aft=cut-after")
        for path in KINDS[1:]:
            self.assertEqual(sim.code(good(path, "sub" + path), path=path), 43004)
            self.assertEqual(sim.code(good(path, "sub" + path), path=path), 0)
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
                sim.send(good(path, "aft1"), path=path)
            lines = sim.journal(path)
            self.assertEqual([(line["result"], line["fault"], line["http"]) for line in lines],
                             [("fault", "43004", 200), ("delivered", None, 200), ("delivered", "cut-after", None)])
            for line in lines:
                self.assertGreaterEqual(line["done"] - line["t"], 59)
        sim.call("POST", "/sim/invalidate")
        self.assertEqual([sim.code(good(path), path=path) for path in KINDS], [40001] * 4)

    def test_conflict_across_kinds(self):
        sim = self.start("--fault", "h=hang")
        connection = sim.connect()
        connection.request("POST", sim.path(path=CUSTOM), custom("h1"))
        sim.wait(calls=1)
        self.assertEqual([sim.code(good(path, "h1"), path=path) for path in KINDS], [43108] * 4)
        connection.close()
        sim.wait(faults=1)


if __name__ == "__main__":
    unittest.main()
