"""Says at the end how many calls were compared; counted from the reports, which arrive from every worker."""

COUNTED = ("calls compared", "differences", "differences on purpose")


def pytest_terminal_summary(terminalreporter):
    counts = dict.fromkeys(COUNTED, 0)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    counts[name] += value
    if counts["calls compared"]:
        compared, found, on_purpose = counts.values()
        terminalreporter.write_line(
            f"{compared} calls compared with PyTorch: {found} differences, "
            f"and {on_purpose} on purpose (docs/differences.md)"
        )
