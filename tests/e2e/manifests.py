"""Objects that the suite creates."""

RBAC = "rbac.authorization.k8s.io"


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod(namespace, name, app, node):
    """A pod of *app* that runs on *node*."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": app}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(node)}


def pod_spec(node):
    """Two containers; the limits an HPA's utilization refers to are 100m and 64Mi each."""
    requests = {"cpu": "100m", "memory": "64Mi"}
    containers = [
        {"name": name, "image": "registry.example/app:1", "resources": {"requests": requests}}
        for name in ("app", "proxy")
    ]
    return {"nodeName": node, "containers": containers, "terminationGracePeriodSeconds": 1}


def ingress(namespace, name):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }


def deployment(namespace, name, node, replicas):
    """A Deployment whose pods are labelled by its name."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(node)},
        },
    }


def autoscaler(namespace, name, metric, annotations=None):
    """An HPA of the Deployment of the same name that follows *metric* at once, up and down."""
    at_once = {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}],
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 20,
            "metrics": [metric],
            "behavior": {"scaleUp": at_once, "scaleDown": at_once},
        },
    }


def account(namespace, name):
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def account_subject(namespace, name):
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def user_subject(name):
    return {"kind": "User", "apiGroup": RBAC, "name": name}


def role(namespace, name, *rules, subject=None):
    """A Role with rules of groups, resources and verbs for *subject*, else the account *name*."""
    return [
        _role("Role", {"name": name, "namespace": namespace}, rules),
        _binding(
            "RoleBinding",
            {"name": name, "namespace": namespace},
            "Role",
            name,
            subject or account_subject(namespace, name),
        ),
    ]


def binding(namespace, name, role_kind, role):
    """A RoleBinding that gives the account *name* a role that is there already."""
    metadata = {"name": name, "namespace": namespace}
    subject = account_subject(namespace, name)
    return _binding("RoleBinding", metadata, role_kind, role, subject)


def cluster_role(namespace, name, *rules):
    """A ClusterRole with rules for the account *name*."""
    return [
        _role("ClusterRole", {"name": name}, rules),
        _binding(
            "ClusterRoleBinding",
            {"name": name},
            "ClusterRole",
            name,
            account_subject(namespace, name),
        ),
    ]


def prometheus_account():
    """Prometheus' account, which may scrape kubelets."""
    rule = (("",), ("nodes/metrics",), ("get",))
    return [
        account("kube-system", "prometheus"),
        *cluster_role("kube-system", "prometheus", rule),
    ]


def _role(kind, metadata, rules):
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": [
            {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}
            for groups, resources, verbs in rules
        ],
    }


def _binding(kind, metadata, role_kind, role, subject):
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
        "subjects": [subject],
    }
