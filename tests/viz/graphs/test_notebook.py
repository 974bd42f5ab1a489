"""Displays in notebooks: graphs, tensors and modules draw themselves, and never raise."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.pictures import MONOSPACE
from minigrad.viz.graphs.ir import GraphIR, Node
from minigrad.viz.graphs.look import Look
from tests.viz.graphs.browser import IN_A_BROWSER, in_browser
from tests.viz.graphs.samples import stacked


def test_a_graph_shows_its_picture_and_its_text():
    graph = mg.viz.graph(stacked()[0])
    bundle = graph._repr_mimebundle_()
    assert bundle["text/plain"] == str(graph) and bundle["image/svg+xml"] == graph.render("svg").decode()
    ET.fromstring(bundle["text/html"])


def test_a_broken_graph_shows_what_it_can():
    broken = mg.viz.Graph(GraphIR((Node("nonsense", "x", (), ""),), (), ((),), "broken"), Look())  # type: ignore[arg-type]
    bundle = broken._repr_mimebundle_()
    assert bundle["text/plain"].startswith("<Graph broken>")


@pytest.mark.parametrize(
    "tensor",
    [
        mg.tensor([[1.0, np.nan], [2.0, 3.0]], requires_grad=True), mg.tensor(3), mg.zeros(0, 2), mg.tensor([True, False]),
        mg.tensor([1.0], requires_grad=True) * 2, mg.zeros(1000, 1000),
    ],
)  # fmt: skip
def test_a_tensor_shows_its_values_and_what_it_is(tensor):
    html = tensor._repr_html_()
    ET.fromstring(f"<div>{html}</div>")
    assert html.startswith(f'<div style="{MONOSPACE}">tensor(') and "monospace;white-space:pre" in MONOSPACE
    assert str(tensor.dtype) in html and ("requires a gradient" in html) == (tensor.requires_grad and tensor.is_leaf)


def test_a_module_shows_its_layers_and_counts_shared_parameters_once():
    _, net = stacked(2)
    html = net._repr_html_()
    ET.fromstring(f"<div>{html}</div>")
    assert f"{sum(p.numel() for p in net.parameters()):,} parameters" in html and "Linear(in_features=2" in html
    tied = nn.Linear(2, 2)
    assert nn.Sequential(tied, tied)._repr_html_().endswith("6 parameters</small>")


def test_a_display_never_raises():
    class Rude(nn.Module):
        def extra_repr(self):
            raise ZeroDivisionError

    assert Rude()._repr_html_() is None
    tensor = mg.tensor([1.0])
    tensor.array = "not an array"
    assert tensor._repr_html_() is None


@IN_A_BROWSER
def test_a_report_of_gradcheck_fits_a_notebook(tmp_path):
    report = mg.testing.gradcheck(
        lambda x: (x.sin() * x).sum(), [mg.tensor([0.5, 2.0], dtype=np.float64, requires_grad=True)]
    )
    page = f"<!doctype html><html><head><title>report</title></head><body>{report._repr_html_()}</body></html>"
    script = "const report = document.querySelector('div'); return [report.scrollWidth, report.clientWidth];"
    needed, there = in_browser(page, script, tmp_path, "700,500")["answer"]
    assert needed <= there
