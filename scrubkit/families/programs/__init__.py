"""Programs: any graph of finite-valued functions as ground truth.

A program is a DAG of variables over input tokens. Compiled into a transformer, every variable has a known
code at a known place, so that any statement about the model is decided on the graph, by enumeration.
"""
