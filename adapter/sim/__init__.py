"""A simulated cluster whose true usage is known: kubelets, kube-apiserver stand-in, workloads.

It drives ``viaduct demo``, the integration tests and the benchmarks; the server never imports it.
"""
