"""Own metrics of who asked, and of the audit."""

from prometheus_client import CollectorRegistry, Counter


class AccessTelemetry:
    """Who asked, whether they might, and what that cost kube-apiserver."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.authentications = Counter(
            "viaduct_authentication_requests_total",
            "Requests by what told who asked: front_proxy, certificate, token, anonymous for "
            "nothing shown, refused for what was shown and does not hold.",
            ["method"],
            registry=registry,
        )
        self.authorizations = Counter(
            "viaduct_authorization_requests_total",
            "Requests by what decided whether they may: master, open_path, allowed and denied by "
            "a SubjectAccessReview, failed when none could be had, which also denies.",
            ["decision"],
            registry=registry,
        )
        self.lookups = Counter(
            "viaduct_review_lookups_total",
            "Token and access reviews needed: hit is a kept one, shared one that was being asked "
            "for, miss a new one.",
            ["kind", "result"],
            registry=registry,
        )
        self.reviews = Counter(
            "viaduct_review_requests_total",
            "Token and access reviews asked of kube-apiserver, each attempt: answered or failed.",
            ["kind", "result"],
            registry=registry,
        )


class AuditTelemetry:
    """What became of the audit's lines."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "viaduct_audit_events_total",
            "Events of the audit log: written, or lost because the disk is full or too slow.",
            ["result"],
            registry=registry,
        )
