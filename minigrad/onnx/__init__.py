"""ONNX files of networks, which other programs run (onnxruntime) and show (Netron); needs the extra `onnx`."""

from minigrad.onnx.errors import OnnxExporterError
from minigrad.onnx.export import export

__all__ = ["OnnxExporterError", "export"]
