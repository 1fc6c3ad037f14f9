"""junit.xml: a run as test cases, for CI systems; what was wrong is a failure."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from auto_train.files import write_atomically

# What XML 1.0 cannot hold, even escaped.
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(report: dict[str, Any], path: Path) -> None:
    """Write the run, its metrics, its gates and its data as test cases.

    Args:
        report: what report.json holds.
        path: of the file.
    """
    suite = ElementTree.Element("testsuite")
    _run_case(suite, report)
    for name, value in report["metrics"].items():
        ends = report["intervals"].get(name)
        _case(suite, "metrics", name, f"{value:.6g}" + (f" [{ends['low']:.6g}, {ends['high']:.6g}]" if ends else ""))
    if export := report["model"]["export"]:
        said = f"differs by at most {export['max_difference']:.3g}" if "max_difference" in export else ""
        _case(suite, "gates", f"export {export['format']}", said, failure=export.get("error"))
    _data_cases(suite, report["data"])
    for note in report["notes"]:
        _case(suite, "report", note.split(" ", 1)[0], failure=note)
    suite.attrib |= {
        "name": _clean(f"auto-train {report['project']}"),
        "tests": str(len(suite)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "time": f"{report['run']['epoch_seconds']:.3f}",
    }
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    write_atomically(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _run_case(suite: ElementTree.Element, report: dict[str, Any]) -> None:
    run = report["run"]
    failure = None if run["status"] == "done" else "\n".join(filter(None, (run["statement"], run["error"])))
    _case(suite, "run", "training", run["status"], failure=failure)


def _data_cases(suite: ElementTree.Element, data: dict[str, Any]) -> None:
    _case(suite, "data", "source", data["warning"] or data["origin"] or "")
    for finding in data["findings"] or []:
        text = f"{finding['severity']}: {finding['title']} ({finding['count']})"
        failure = text if finding["severity"] == "error" else None
        _case(suite, "data", finding["code"], text, failure=failure)


def _case(suite: ElementTree.Element, group: str, name: str, said: str = "", *, failure: str | None = None) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=group, name=_clean(name))
    if failure:
        ElementTree.SubElement(case, "failure", message=_clean(failure.split("\n", 1)[0])).text = _clean(failure)
    if said:
        ElementTree.SubElement(case, "system-out").text = _clean(said)


def _clean(text: str) -> str:
    return NO_XML.sub("�", text)
