"""A simulated model server: it behaves like vLLM in what a client can see of it, and costs nearly no CPU."""

from .control import Record, Simulator

__all__ = ["Record", "Simulator"]
