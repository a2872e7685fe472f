"""The Kubernetes API as this service needs it: credentials, informers, listers.

Bodies stay bytes until msgspec decodes the few fields we keep. ``CoreV1Api`` is never imported.
"""
