"""Networks as ONNX graphs, which onnxruntime runs: a forecast then need not load PyTorch.

    session    a graph and its networks, loaded and run; knows onnxruntime and no PyTorch
    checked    a graph that was compared with PyTorch before it is kept
    export     networks to a graph, gate by gate
    layers     encoders in the operators of ONNX
    heads      heads in them
    nodes      a graph that grows node by node

A graph holds all networks of a group side by side. It reads `features` (sequences, steps, columns),
`scale` (sequences, steps), `symbols` (sequences) and `horizons` (horizons,), and answers with the
parameters of each network's head, `df.0`, `loc.0`, ... for network 0.
"""
