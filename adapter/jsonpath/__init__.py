"""JSON documents and JSONPath: numbers out of what applications publish. Pure.

jsonpath-ng parses and evaluates; here are the limits, the conversions and the errors.
"""
