"""What is counted is written as Prometheus reads it, and a line of log is one line."""

import json

from gatewise.serving.metrics import SIZES, Histogram, Metrics, log_line


def test_metrics_write_counters_histograms_and_gauges():
    metrics = Metrics()
    metrics.requests[(("model", 'a"b\\'), ("route", "/predict\n"), ("status", "200"))] += 2
    metrics.seconds.add(0.02)
    metrics.seconds.add(99)
    text = metrics.text({"models": ("Models served.", 3)})
    lines = text.splitlines()
    assert 'gatewise_requests_total{model="a\\"b\\\\",route="/predict\\n",status="200"} 2' in lines
    assert 'gatewise_request_seconds_bucket{le="0.01"} 0' in lines
    assert 'gatewise_request_seconds_bucket{le="0.025"} 1' in lines
    assert 'gatewise_request_seconds_bucket{le="+Inf"} 2' in lines
    assert "gatewise_request_seconds_count 2" in lines and "gatewise_request_seconds_sum 99.020000" in lines
    assert lines[-3:] == [
        "# HELP gatewise_models Models served.", "# TYPE gatewise_models gauge", "gatewise_models 3",
    ]  # fmt: skip
    assert text.endswith("\n")
    names = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {name for name in names if not any(name.startswith(kind) for kind in typed)} == set()


def test_metrics_count_a_bound_as_below_it():
    histogram = Histogram(SIZES)
    for value in (1, 2, 3):
        histogram.add(value)
    assert histogram.lines("x")[:3] == ['x_bucket{le="1"} 1', 'x_bucket{le="2"} 2', 'x_bucket{le="4"} 3']


def test_metrics_log_one_line_without_what_is_not_known():
    line = log_line({"id": "a\nb", "texts": None, "ms": 1.23456})
    assert "\n" not in line
    assert json.loads(line).items() >= {"id": "a\nb", "ms": 1.23}.items()
    assert json.loads(line).keys() == {"time", "id", "ms"}
