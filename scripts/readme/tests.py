"""That the check can fail: what it takes for the same, and what not."""

import unittest

import check
import compare
from document import Document, steps

ID, OTHER = "01a206b0-0d27-726e-9063-6cc8d46bd434", "01958e68-5412-7307-9b1d-916400000027"
HERE, THERE = "01a2cccc-0000-7000-8000-000000000001", "01a2cccc-0000-7000-8000-000000000002"


def holds(shown, came, names=None):
    """Whether what is shown holds, with names that nobody looks at."""
    return compare.holds(shown.splitlines(), came, {} if names is None else names)


class Comparing(unittest.TestCase):
    """compare.py"""

    def test_text_is_taken_by_the_letter(self):
        self.assertTrue(holds('{"stock":3}', '{"stock":3}\n'))
        for came in ['{"stock":4}\n', '{"stock":3} \nmore\n', "", "x\n"]:
            self.assertFalse(holds('{"stock":3}', came), came)

    def test_nothing_shown_is_nothing_said(self):
        self.assertTrue(holds("", ""))
        self.assertFalse(holds("", "an error\n"))

    def test_dots_stand_for_anything_within_their_line(self):
        self.assertTrue(holds('{"a":1,…,"z":2}', '{"a":1,"b":5,"z":2}\n'))
        self.assertFalse(holds('{"a":1,…,"z":2}', '{"a":1,"b":5,"z":3}\n'))
        self.assertFalse(holds("a…z", "a\nz\n"))

    def test_dots_on_a_line_of_their_own_stand_for_lines(self):
        for came in ["a\nz\n", "a\nb\nc\nz\n"]:
            self.assertTrue(holds("a\n  …\nz", came), came)
        self.assertFalse(holds("a\n…\nz", "a\nb\nz2\n"))

    def test_a_time_stands_for_any_time_and_nothing_else(self):
        self.assertTrue(holds("at 2026-11-23T12:10:03.423611Z.", "at 2027-01-01T00:00:00Z.\n"))
        self.assertFalse(holds("at 2026-11-23T12:10:03.423611Z.", "at noon.\n"))

    def test_an_identifier_stands_for_always_the_same_one(self):
        names = {}
        self.assertTrue(holds(f"id {ID}", f"id {HERE}\n", names))
        self.assertEqual(names, {ID: HERE})
        self.assertTrue(holds(f"id {ID}", f"id {HERE}\n", names))
        self.assertFalse(holds(f"id {ID}", f"id {THERE}\n", names))
        self.assertTrue(holds(f"{ID} {ID} {OTHER}", f"{HERE} {HERE} {THERE}\n"))
        self.assertFalse(holds(f"{ID} {ID}", f"{HERE} {THERE}\n"))
        self.assertFalse(holds("GC-1234-5678-9012", "GC-1234-5678\n"))

    def test_what_does_not_hold_names_nothing(self):
        names = {}
        self.assertFalse(holds(f"id {ID} a", f"id {HERE} b\n", names))
        self.assertEqual(names, {})

    def test_lines_are_found_in_a_log_in_their_order(self):
        log = "2026 INFO first\nnoise\n2026 INFO second a=1\n"
        for shown, there in [(["… INFO first", "… INFO second…"], True), (["… second…", "… first"], False), (["third"], False)]:
            self.assertEqual(compare.contains(shown, log, {}), there, shown)

    def test_of_a_log_only_what_is_missing_is_told(self):
        log = "2026 INFO noise of another kind altogether\n2026 INFO mail: mail sent\n"
        told = compare.missing(["… INFO mail: mail not sent"], log, {})
        self.assertEqual(told, "-… INFO mail: mail not sent\n+2026 INFO mail: mail sent")

    def test_a_difference_shows_nothing_else(self):
        text = compare.difference(["a", f"id {ID}", "price 2", "…"], f"a\nid {HERE}\nprice 3\nmore\n", {})
        self.assertIn("-price 2", text)
        self.assertIn("+price 3", text)
        self.assertNotIn("-id", text)


class Reading(unittest.TestCase):
    """document.py"""

    def test_blocks_are_known_by_heading_and_language(self):
        document = Document("# Shop\n```sh\nrun\n```\n## Tour\ntext `cargo run`\n```console\n$ a\n```\n```\nlog\n```\n")
        found = [(block.heading, block.language, block.line, block.lines) for block in document.blocks]
        self.assertEqual(
            found, [("Shop", "sh", 3, ("run",)), ("Tour", "console", 8, ("$ a",)), ("Tour", "", 11, ("log",))]
        )
        self.assertEqual(document.commands_under("Shop"), "run")
        self.assertEqual(document.commands_in_prose(), [(6, "cargo run")])
        for missing in ["Tour", "Test"]:
            with self.assertRaises(ValueError):
                document.commands_under(missing)
        with self.assertRaises(ValueError):
            Document("# Test\n```sh\n```\n").commands_under("Test")

    def test_a_block_without_an_end_is_a_mistake(self):
        with self.assertRaises(ValueError):
            Document("```sh\nrun\n")

    def test_a_command_goes_on_until_the_shell_has_all_of_it(self):
        text = "```console\n$ curl -d '{\n  \"a\": 1}' \\\n    host\n{\"b\":2}\n\n$ true\n$ wait &\nfirst\n```\n```console\nsecond\n```\n"
        blocks = Document(text).blocks
        found = [(step.line, step.command, step.shown) for step in steps(blocks[0])]
        self.assertEqual(
            found,
            [
                (2, "curl -d '{\n  \"a\": 1}' \\\n    host", ('{"b":2}', "")),
                (7, "true", ()),
                (8, "wait &", ("first",)),
            ],
        )
        self.assertEqual([(step.command, step.shown) for step in steps(blocks[1])], [(None, ("second",))])

    def test_addresses_of_this_machine_are_known(self):
        document = Document("[docs](http://127.0.0.1:8081/docs) and 127.0.0.1:8080, [else](https://example.com)")
        self.assertEqual(document.local_links(), [(1, "http://127.0.0.1:8081/docs")])
        self.assertEqual(document.local_ports(), [8080, 8081])


class Walking(unittest.TestCase):
    """check.py"""

    def test_what_needs_a_missing_program_is_left_out_with_all_that_builds_on_it(self):
        walk = check.Walk(None, None, has_grpcurl=False, build_seconds=0)
        for command, is_left_out in [
            ("curl $here", False),
            ('login=$(grpcurl -plaintext host); echo "$login"', True),
            ('id=$(jq .id <<<"$login") token=$(jq .token <<<"$login")', True),
            ('curl -H "Bearer $token"', True),
            ("token=$(curl login)", False),
            ('curl -H "Bearer ${token}"', False),
            ("curl users/$id", True),
        ]:
            self.assertEqual(walk._missing(command) is not None, is_left_out, command)
        walk = check.Walk(None, None, has_grpcurl=True, build_seconds=0)
        self.assertIsNone(walk._missing("grpcurl -plaintext host"))

    def test_a_call_that_sends_something_is_made_once(self):
        for command, sends in [
            ("curl -s http://host/a | jq -r .b", False),
            ("curl -si 'http://host/a?b=c&d=e' | grep -E '^x'", False),
            ("cargo run -q -- audit", False),
            ("curl -s -X POST host/pay", True),
            ("curl host -d a=b", True),
            ("curl host -F a=@b", True),
            ("a=$(curl host)", True),
            ("echo a >b", True),
        ]:
            self.assertEqual(check.SENDS.search(command) is not None, sends, command)


if __name__ == "__main__":
    unittest.main()
