import { assertEquals } from "@std/assert";
import { closingLine, joined, NO_TESTS, readReport } from "../../../scripts/junit.ts";

/** As Deno 2.9 writes it. */
const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="9" failures="3" errors="0" time="0.310">
    <testsuite name="./a_test.ts" tests="7" disabled="2" errors="0" failures="3">
        <testcase name="a &lt;passes&gt; &amp; &quot;quotes&quot; &apos;x&apos;" classname="./a_test.ts" time="0.001">
        </testcase>
        <testcase name="b [needs haproxy]" classname="./a_test.ts" time="0.000" line="2" col="6">
            <skipped/>
        </testcase>
        <testcase name="c" classname="./a_test.ts" time="0.007" line="3" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="d" classname="./a_test.ts" time="0.000" line="4" col="6">
            <failure message="Uncaught Error: &lt;skipped">Error: boom &lt;/testcase&gt; ]]&gt;</failure>
        </testcase>
        <testcase name="c &gt; one" classname="./a_test.ts" time="0.000" line="3" col="50">
        </testcase>
        <testcase name="c &gt; two" classname="./a_test.ts" time="0.000" line="3" col="79">
            <skipped/>
        </testcase>
        <testcase name="c &gt; three" classname="./a_test.ts" time="0.001" line="3" col="128">
            <failure message="Uncaught Error: x">Error: x</failure>
        </testcase>
    </testsuite>
    <testsuite name="./c.ts#3-7.ts" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="x &gt; y" classname="./c.ts#3-7.ts" time="0.000" line="2" col="6">
        </testcase>
    </testsuite>
</testsuites>
`;

Deno.test("readReport() counts tests, not steps, and names what failed or was ignored", () => {
  assertEquals(readReport(XML), { passed: 2, failed: ["c", "d"], ignored: ["b [needs haproxy]", "c > two"] });
});

Deno.test("readReport() finds no test in an empty file", () => {
  assertEquals(readReport(""), NO_TESTS);
});

Deno.test("readReport() reads entities once", () => {
  const xml = '<testsuite name="a"><testcase name="&amp;lt;"><skipped/></testcase></testsuite>';
  assertEquals(readReport(xml).ignored, ["&lt;"]);
});

Deno.test("joined() adds two reports, and closingLine() counts them", () => {
  const one = { passed: 2, failed: ["a"], ignored: ["i"] };
  const two = { passed: 3, failed: ["b", "c"], ignored: [] };
  assertEquals(joined(one, two), { passed: 5, failed: ["a", "b", "c"], ignored: ["i"] });
  assertEquals(closingLine(joined(one, two)), "5 passed, 3 failed");
});
