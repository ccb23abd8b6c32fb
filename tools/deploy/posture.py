"""Reads rendered manifests and says where a pod has more rights, or less care, than it must have."""

import sys

import yaml

faults = []


def need(condition, what):
    if not condition:
        faults.append(what)


def check_pod(name, spec, serves):
    security = spec.get("securityContext", {})
    need(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0, f"{name} may run as root")
    need(security.get("seccompProfile", {}).get("type") == "RuntimeDefault", f"{name} has no filter of system calls")
    need(spec.get("automountServiceAccountToken") is False, f"{name} has a token of the cluster")
    need(not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), f"{name} shares namespaces of its node")
    for container in spec.get("initContainers", []) + spec["containers"]:
        where = f"{name}/{container['name']}"
        own = container.get("securityContext", {})
        need(own.get("readOnlyRootFilesystem") is True, f"{where} can write its root")
        need(own.get("allowPrivilegeEscalation") is False, f"{where} may gain rights")
        need(own.get("capabilities", {}).get("drop") == ["ALL"], f"{where} has capabilities")
        need(container.get("resources", {}).get("limits", {}).get("memory"), f"{where} has no limit of memory")
        need(container.get("resources", {}).get("requests", {}).get("cpu"), f"{where} asks for no CPU")
        for variable in container.get("env", []):
            secret = any(word in variable["name"] for word in ("DATABASE", "TOKEN", "SMTP", "SECRET"))
            need(not secret or "valueFrom" in variable, f"{where}: {variable['name']} stands in the manifest")
    for container in spec["containers"] if serves else []:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            need(container.get(probe, {}).get("httpGet"), f"{name} has no {probe}")


def main(path):
    with open(path, encoding="utf-8") as file:
        objects = [one for one in yaml.safe_load_all(file) if one]
    kinds = [one["kind"] for one in objects]
    need(len(set(kinds) & {"StatefulSet", "Deployment"}) == 1, "there is no server, or there are two")
    need("Secret" not in kinds, "a secret stands in the manifests")
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            check_pod(name, one["spec"], serves=False)
        if one["kind"] == "Job":
            check_pod(name, one["spec"]["template"]["spec"], serves=False)
            need("pre-upgrade" in one["metadata"]["annotations"].get("helm.sh/hook", ""), f"{name} does not run before an upgrade")
        if one["kind"] in ("StatefulSet", "Deployment"):
            check_pod(name, one["spec"]["template"]["spec"], serves=True)
            need(one["kind"] == "Deployment" or one["spec"]["replicas"] == 1, f"{name} has several servers on SQLite")
            need(one["spec"]["replicas"] == 1 or "PodDisruptionBudget" in kinds, f"{name} has no budget for disruptions")
            service = next(each for each in objects if each["kind"] == "Service")
            labels = one["spec"]["template"]["metadata"]["labels"]
            need(service["spec"]["selector"].items() <= labels.items(), "the service does not find the server")
            need(one["spec"]["selector"]["matchLabels"].items() <= labels.items(), f"{name} does not find its pods")
            for job in (each for each in objects if each["kind"] == "Job"):
                others = job["spec"]["template"]["metadata"]["labels"]
                need(not service["spec"]["selector"].items() <= others.items(), "the service sends requests to the migration")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
