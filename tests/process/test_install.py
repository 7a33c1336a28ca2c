"""What `cmake --install` brings, and that its parts agree: every program has a manual page with its options and commands, no more and
no less, and is completed by bash; what units and supervisord start is there; the Debian packages take in every file.
`scripts/package-test` installs the packages themselves."""
import fnmatch
import functools
import os
import re
import subprocess
import tempfile
import unittest

import ring

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.path.dirname(os.path.abspath(ring.BIN))


def setUpModule():
    global folder, installed
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"], env=dict(os.environ, DESTDIR=folder.name), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError("cmake --install needs everything built in %s:\n%s" % (BUILD, done.stdout[-2000:]))
    installed = sorted(os.path.relpath(os.path.join(at, name), folder.name) for at, _, names in os.walk(folder.name) for name in names)


def matching(pattern):
    return [path for path in installed if fnmatch.fnmatch(path, pattern)]


def text_of(path):
    with open(os.path.join(folder.name, path) if not path.startswith("/") else path, encoding="utf-8") as file:
        return file.read()


def source(path):
    return text_of(os.path.join(ROOT, path))


def command_of(name):
    """What a page is about: mega-queue.1 is `mega queue`, mega-task.8 the program mega-task."""
    command, section = name.rsplit(".", 1)
    return command.split("-", 1) if section == "1" and command.startswith("mega-") else [command]


def programs():
    return [os.path.basename(path) for path in matching("usr/bin/*")]


@functools.lru_cache(None)
def help_of(*command):
    done = subprocess.run([os.path.join(folder.name, "usr/bin", command[0]), *command[1:], "--help"], text=True, capture_output=True)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def options(text):
    return set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)(?![\w:])", text))


def commands(text, command):
    """What stands behind `mega queue` at the beginning of indented lines, or behind a comma there."""
    told = re.sub("[ -]", "[ -]", command)
    return {word for begin in ("^ +", "^ +[^,\n]*, ") for word in re.findall("%s%s ([a-z][a-z-]*)" % (begin, told), text, re.M)}


@functools.lru_cache(None)
def page(path):
    """A page as it is shown, without line breaks that would cut options, and what groff says about it."""
    done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-rLL=1000n", "-P-c"], input=text_of(path).encode(), capture_output=True)
    shown = re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout.decode())
    assert not re.search(r"(?<!\w)\u2010", shown), "%s: a hyphen that stands for a minus: \\-" % path
    shown = shown.replace("\u2010", "-").replace("\u2212", "-")
    return shown, done.stderr.decode()


class Install(unittest.TestCase):
    def test_every_program_has_a_page_and_is_completed(self):
        pages = [command_of(os.path.basename(path)) for path in matching("usr/share/man/man[18]/*")]
        self.assertEqual({command[0] for command in pages}, set(programs()))
        told = re.search(r"^mega (.*) tell more with --help", help_of("mega"), re.M).group(1)
        self.assertEqual({command[1] for command in pages if len(command) == 2},
                         set(re.split(", | and ", told)) - {"store", "wechat"})  # which are programs
        completed = {os.path.basename(path) for path in matching("usr/share/bash-completion/completions/*")}
        self.assertEqual(completed, set(programs()))
        registered = re.search(r"^complete .* _mega ((?:[^\\\n]|\\\n)*)$", source("etc/completion.bash"), re.M).group(1)
        self.assertEqual(set(registered.replace("\\\n", " ").split()), set(programs()))

    def test_pages_have_the_options_and_commands_of_help(self):
        for path in matching("usr/share/man/man[18]/*"):
            name = os.path.basename(path)
            command = command_of(name)
            shown, _ = page(path)
            with self.subTest(page=name):
                known = help_of(*command)
                # every help knows --help, whether it says so or not
                self.assertEqual(options(shown) - {"--help", "--version"}, options(known) - {"--help", "--version"})
                self.assertIn("--help", options(shown))
                of = " ".join(command)
                self.assertEqual(commands(shown.split("EXAMPLES")[0], of), commands(known, of))

    def test_pages_are_good_roff(self):
        for path in matching("usr/share/man/man*/*"):
            with self.subTest(page=path):
                shown, complaints = page(path)
                self.assertEqual(complaints, "")
                self.assertIn("NAME", shown)
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(folder.name, path)], text=True,
                                      capture_output=True)
                self.assertEqual(lint.stdout, "")

    def test_the_page_of_the_configuration_has_its_keys(self):
        shown, _ = page("usr/share/man/man5/mega.conf.5")
        dump = subprocess.run([os.path.join(ring.BIN, "mega-broker"), "--dump-config", "-c", os.path.join(ROOT, "etc/mega.conf")],
                              text=True, capture_output=True, check=True).stdout
        keys = re.findall(r"^([a-z_]+(?:\[\])?) = ", dump, re.M)
        shown_keys = re.findall(r"^ {7}([a-z_]+(?:\[\])?) \(", shown, re.M)
        self.assertGreater(len(keys), 50)
        self.assertEqual([key for key in shown_keys if key != "task_worker_num"], keys)  # whose value is that of slots
        self.assertEqual(re.findall(r"^ {3}\[(\w+)\]", shown, re.M)[0], "server")
        self.assertRegex(shown, r"store_size \(size, 512M to 65536G; default 64G\)")
        self.assertRegex(shown, r"token_mode \(stable, classic or external; default stable\)")

    def bin_folder(self):
        """Where the build was told that its programs will be."""
        return re.search(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", text_of(os.path.join(BUILD, "CMakeCache.txt")), re.M).group(1) + "/bin/"

    def test_what_is_started_is_installed(self):
        started = [line for path in matching("usr/lib/systemd/system/*.service") for line in
                   re.findall(r"^Exec\w+=[-+!@:]*(\S+)", text_of(path), re.M)]
        self.assertTrue(started)
        started += re.findall(r"^command=(\S+)", text_of("usr/share/doc/mega-wechat/examples/supervisord.conf"), re.M)
        for program in started:
            if program.startswith("/bin/") or program.startswith("/usr/bin/"):
                continue  # of the system
            self.assertEqual(os.path.dirname(program) + "/", self.bin_folder())
            self.assertIn(os.path.basename(program), programs())
        for name in ("sysusers.d", "tmpfiles.d"):
            self.assertIn("mega-wechat", text_of("usr/lib/%s/mega-wechat.conf" % name))


class Restart(unittest.TestCase):
    """mega-restart among programs that the test plays: a supervisord, and the mega and mega-broker that it asks."""
    RUNNING = ("mega-wechat:mega-broker", "mega-wechat:mega-gateway", "mega-wechat:mega-sender-1", "mega-wechat:mega-sender-2",
               "mega-wechat:mega-task", "mega-wechat:mega-templater-1")

    def restart(self, *options, fails="none", unready_after="none", ready=0, checked=0):
        """Its exit status, and what was restarted."""
        with tempfile.TemporaryDirectory() as bin_folder:
            log = os.path.join(bin_folder, "restarted")
            open(log, "w").close()
            status = "".join("%s RUNNING pid 7, uptime 0:01:00\n" % name for name in self.RUNNING)
            status += "mega-wechat:mega-token FATAL Exited too quickly\nmega-other RUNNING pid 8, uptime 0:01:00\n"
            for name, script in {
                    "systemctl": "exit 0",
                    "mega-broker": "exit %d" % checked,
                    "mega": "if grep -qx %s %s; then exit 5; fi; exit %d" % (unready_after, log, ready),
                    "supervisorctl": 'if [ "$1" = status ]; then printf "%s"; exit 3; fi\necho "$2" >>%s\n'
                                     'if [ "$2" = %s ]; then echo "$2: ERROR (spawn error)"; else echo "$2: started"; fi'
                                     % (status.replace("\n", "\\n"), log, fails)}.items():
                path = os.path.join(bin_folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write("#!/bin/sh\n%s\n" % script)
                os.chmod(path, 0o755)
            done = subprocess.run([os.path.join(folder.name, "usr/bin/mega-restart"), *options], text=True, capture_output=True,
                                  env=dict(os.environ, PATH=bin_folder + ":" + os.environ["PATH"]))
            return done.returncode, [name.split(":")[1] for name in text_of(log).split()], done.stdout + done.stderr

    def test_what_runs_is_restarted_in_turn(self):
        status, restarted, _ = self.restart()
        self.assertEqual((status, restarted),
                         (0, ["mega-templater-1", "mega-sender-1", "mega-sender-2", "mega-task", "mega-broker", "mega-gateway"]))

    def test_it_ends_at_the_first_that_does_not_come_back(self):
        status, restarted, said = self.restart(fails="mega-wechat:mega-sender-1")
        self.assertEqual((status, restarted), (1, ["mega-templater-1", "mega-sender-1"]))
        self.assertIn("mega-sender-1 did not start", said)
        status, restarted, said = self.restart(unready_after="mega-wechat:mega-task")
        self.assertEqual((status, restarted[-1]), (1, "mega-task"))
        self.assertIn("no message can be sent", said)

    def test_a_set_that_was_not_ready_is_not_waited_for(self):
        self.assertEqual(self.restart(ready=5)[0], 0)

    def test_a_wrong_configuration_restarts_nothing(self):
        self.assertEqual(self.restart(checked=1)[:2], (1, []))
        status, restarted, said = self.restart("--dry-run")
        self.assertEqual((status, restarted, said.count("restarting")), (0, [], 6))


class Packages(unittest.TestCase):
    def test_one_version(self):
        cmake = re.search(r"^project\(mega-wechat VERSION (\S+)", source("CMakeLists.txt"), re.M).group(1)
        self.assertEqual(re.match(r"mega-wechat \((\S+)\)", source("debian/changelog")).group(1), cmake)

    def test_every_file_is_in_one_package(self):
        patterns = [line.split()[0] for name in os.listdir(os.path.join(ROOT, "debian")) if name.endswith(".install")
                    for line in source("debian/" + name).splitlines()]
        patterns = [pattern.replace("usr/lib/*/", "usr/lib/") for pattern in patterns if pattern.startswith("usr/")]
        units = "usr/lib/systemd/system/*"
        for path in installed:
            found = [p for p in patterns if fnmatch.fnmatch(path, p) or path.startswith(p + "/")]
            if not fnmatch.fnmatch(path, units):
                self.assertEqual(len(found), 1, "debian/*.install: %s is in %s" % (path, found or "no package"))
        self.assertEqual([p for p in patterns if not matching(p) and not matching(p + "/*")], [])

    def test_the_configuration_to_begin_with_is_good(self):
        done = subprocess.run([os.path.join(ring.BIN, "mega-broker"), "--check-config", "-c", os.path.join(ROOT, "debian/mega.conf")],
                              text=True, capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"^[^\n]*: account default: app_secret is empty[^\n]*\n$")  # only what it leaves to be given

    def test_they_are_built_with_what_scripts_packages_installs(self):
        build = re.search(r'^BUILD="([^"]*)"', source("scripts/packages"), re.M).group(1)
        control = re.search(r"^Build-Depends:((?: .*\n)+)", source("debian/control"), re.M).group(1)
        wanted = {frozenset(re.sub(r"\([^)]*\)| ", "", group).strip().split("|")) for group in control.replace("\n", " ").split(",")}
        known = {frozenset(word.split("|")) for word in build.split()}
        essential = {frozenset([name]) for name in ("gcc", "libc6-dev", "make")}  # every build has them
        self.assertEqual(wanted - {frozenset(["debhelper-compat"])}, known - essential)


class Completion(unittest.TestCase):
    def setUp(self):
        self.config = os.path.join(folder.name, "mega.conf")
        os.makedirs(os.path.join(folder.name, "templates"), exist_ok=True)
        for key in ("order", "sale"):
            open(os.path.join(folder.name, "templates", key + ".json"), "w").close()
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("[wechat]\napp_id = wx1\n[wechat:shop]\napp_id = wx2\n[wechat:club.2] ; members\n"
                       "[templater]\nsource = 'dir:templates' ; a folder\n")

    def complete(self, *words, bin_folder=None):
        """What bash offers for the last word, by a bash that has loaded the file as it was installed."""
        script = ('. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  'function=$(complete -p "$1"); function=${function#*-F }; ${function%% *}; '
                  'if [ ${#COMPREPLY[@]} -gt 0 ]; then printf "%s\\n" "${COMPREPLY[@]}"; fi')
        file = os.path.join(folder.name, "usr/share/bash-completion/completions", words[0])
        path = (bin_folder or os.path.join(folder.name, "usr/bin")) + ":" + os.environ["PATH"]
        done = subprocess.run(["bash", "--norc", "-c", script, file, *words], text=True, capture_output=True,
                              env=dict(os.environ, PATH=path))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_commands_and_options_are_those_of_help(self):
        lines = [[name] for name in programs()] + [["mega", "store"], ["mega", "wechat"]]
        lines += [command_of(os.path.basename(path)) for path in matching("usr/share/man/man1/mega-*")]
        for line in lines:
            with self.subTest(line=line):
                known = help_of(*line)
                self.assertEqual(set(self.complete(*line, "-")), options(known))
                self.assertEqual(set(self.complete(*line, "")), commands(known, " ".join(line)))
        self.assertEqual(self.complete("mega", "queue", "requ"), ["requeue"])
        self.assertEqual(self.complete("mega", "queue", "export", "--form"), ["--format"])

    def test_values(self):
        c = ["-c", self.config]
        for words, offered in (
                (["mega", "queue", "list", *c, "--app", ""], {"shop", "club.2"}),
                (["mega", "queue", "list", *c, "--app", "s"], {"shop"}),
                (["mega", "push", *c, "OPENID", ""], {"order", "sale"}),
                (["mega", "push", *c, "OPENID", "order", ""], set()),
                (["mega", "tset", *c, "o"], {"order"}),
                (["mega", "task", "create", *c, "--key", "s"], {"sale"}),
                (["mega", "wechat", "preview", *c, ""], {"order", "sale"}),
                (["mega", "wechat", "send-test", *c, "OPENID", ""], {"order", "sale"}),
                (["mega-template", "check", *c, "order", ""], {"order", "sale"}),
                (["mega", "queue", "list", "--state", "sent,de"], {"sent,dead", "sent,delivered"}),
                (["mega", "push", "O", "K", "--lane", ""], {"bulk", "express"}),
                (["mega", "queue", "export", "--format", "j"], {"jsonl"}),
                (["mega-broker", "-c", self.config[:-3]], {self.config}),
                (["mega", "queue", "list", "-c", "/nowhere", "--app", ""], set()),
                (["mega", "push", "-c", "/nowhere", "OPENID", ""], set())):
            with self.subTest(words=words):
                self.assertEqual(set(self.complete(*words)), offered)

    def test_names_of_tasks_and_series_are_asked_for(self):
        """A mega that answers as mega-task and mega-listener do; and the real one, with no mega-task that answers."""
        fake = os.path.join(folder.name, "fake")
        os.makedirs(fake)
        with open(os.path.join(fake, "mega"), "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\ncase "$*" in *--help) exec %s "$@" ;; esac\n'
                       'echo \'{"name":"may-sale","state":"running"}\'\necho \'{"name":"june","state":"done"}\'\n'
                       % os.path.join(folder.name, "usr/bin/mega"))
        os.chmod(file.name, 0o755)
        self.assertEqual(set(self.complete("mega", "task", "show", "-c", self.config, "", bin_folder=fake)), {"may-sale", "june"})
        self.assertEqual(self.complete("mega", "task", "create", "-c", self.config, "", bin_folder=fake), [])
        self.assertEqual(set(self.complete("mega", "series", "who", "-c", self.config, "", bin_folder=fake)), {"may-sale", "june"})
        self.assertEqual(self.complete("mega", "series", "list", "-c", self.config, "", bin_folder=fake), [])
        self.assertEqual(self.complete("mega", "task", "show", "-c", self.config, ""), [])


if __name__ == "__main__":
    unittest.main()
