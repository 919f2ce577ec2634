"""
Starts MiniStack with what it lacks for running a deployed stack as AWS would. Each patch names the defect that it
mends, and fails when the code it mends is no longer there: whoever raises the version in ministack.txt looks at it.

STEP_FUNCTIONS_URL is where local/step-functions listens: all executions belong there. Without it no stack is
deployed, and MiniStack's own engine only says what a trigger has started.
"""

import contextvars
import json
import os
import re
import runpy
import shutil
import tempfile
import urllib.request

from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import eventbridge, lambda_svc, s3, stepfunctions
from ministack.services.cloudformation import provisioners


UNKNOWN = "This MiniStack is not the one that start-ministack.py knows"


def replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise SystemExit(f"{UNKNOWN}: {old!r} is not in it once.")
    return text.replace(old, new)


# Every error of a handler is reported as `Runtime.HandlerError`. On AWS `errorType` is the error's name, which is
# what Retry and Catch of a state machine match. The worker says the name and the trace beside the message, and the
# invocation's answer takes them over.
lambda_runtime._NODEJS_WORKER_SCRIPT = replaced(
    lambda_runtime._NODEJS_WORKER_SCRIPT,
    'status: "error", error: String(err.message || err), trace: err.stack || ""',
    'status: "error", error: String(err.message ?? err), trace: err.stack || "", '
    'error_type: err instanceof Error ? err.name : typeof err',
)

failure = contextvars.ContextVar("failure", default=None)
worker_invoke = lambda_runtime.Worker.invoke
execute_warm = lambda_svc._execute_function_warm


def invoke(self, *args, **kwargs):
    answer = worker_invoke(self, *args, **kwargs)
    failure.set(answer if answer.get("error_type") else None)
    return answer


def execute_with_error_type(func, event, request_id):
    failure.set(None)
    answer = execute_warm(func, event, request_id)
    error = failure.get()
    if error is not None and answer.get("error"):
        answer["body"] = {
            "errorType": error["error_type"],
            "errorMessage": error["error"],
            "trace": error["trace"].split("\n"),
        }
    return answer


lambda_runtime.Worker.invoke = invoke
lambda_svc._execute_function_warm = execute_with_error_type


# A function's reserved concurrency counts for its versions, too; state machines call nothing else.
reserved_concurrency = lambda_svc._reserved_concurrency


def reserved_of_any_version(func, config):
    own = reserved_concurrency(func, config)
    if own is not None:
        return own
    unqualified = lambda_svc._functions.get(config.get("FunctionName", ""))
    return None if unqualified is None else reserved_concurrency(unqualified, unqualified.get("config", {}))


lambda_svc._reserved_concurrency = reserved_of_any_version


# Every invocation that logs nothing is held up for 50 ms, in case a line comes yet.
drain = lambda_runtime.Worker._drain_stderr_bounded
lambda_runtime.Worker._drain_stderr_bounded = lambda self: drain(self, first_line_wait=0.002)


# All function instances share one /tmp; on AWS each has its own. Two engines in one folder would overwrite each
# other's files, so each instance gets a folder of its own for what the stack says belongs in /tmp.
worker_spawn = lambda_runtime.Worker._spawn
worker_discard = lambda_runtime.Worker._discard_tmpdir


def spawn(self):
    variables = self.config.get("Environment", {}).get("Variables", {})
    if variables.get("SLUICE_SCRATCH") == "/tmp":
        self.scratch = tempfile.mkdtemp(prefix="scratch-")
        own = {**variables, "SLUICE_SCRATCH": self.scratch}
        self.config = {**self.config, "Environment": {"Variables": own}}
    worker_spawn(self)


def discard(self):
    worker_discard(self)
    shutil.rmtree(getattr(self, "scratch", ""), ignore_errors=True)


lambda_runtime.Worker._spawn = spawn
lambda_runtime.Worker._discard_tmpdir = discard


# MiniStack's own Step Functions runs a distributed map once, over the whole input, and says that it succeeded. It
# keeps the definition; executions belong to the interpreter of the project. What schedules and rules start goes there.
step_functions = os.environ.get("STEP_FUNCTIONS_URL")


def start_execution(arn, payload):
    body = json.dumps({"stateMachineArn": arn, "input": payload}).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSStepFunctions.StartExecution",
    }
    with urllib.request.urlopen(urllib.request.Request(step_functions, body, headers), timeout=30) as answer:
        answer.read()


def refuse_to_run(_request):
    return error_response_json("AccessDeniedException", "Executions are started through STEP_FUNCTIONS_URL", 400)


for module, name, own in [
    (eventbridge, "_dispatch_to_stepfunctions", start_execution),
    (stepfunctions, "_start_execution", refuse_to_run),
    (stepfunctions, "_start_sync_execution", refuse_to_run),
]:
    if not hasattr(module, name):
        raise SystemExit(f"{UNKNOWN}: it has no {name}.")
    if step_functions is not None:
        setattr(module, name, own)


# CloudFormation does not apply the tags of buckets, and CDK's own handler empties only buckets that bear its tag.
buckets = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
create_bucket = buckets["create"]


def create_tagged_bucket(logical_id, props, stack_name):
    name, attributes = create_bucket(logical_id, props, stack_name)
    s3._bucket_tags[name] = {tag["Key"]: tag["Value"] for tag in props.get("Tags", [])}
    return name, attributes


buckets["create"] = create_tagged_bucket


# CloudFormation refuses alarms over metric math. They are kept as alarms over their first metric.
alarms = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
create_alarm = alarms["create"]


def create_alarm_over_first_metric(logical_id, props, stack_name):
    metrics = [each["MetricStat"]["Metric"] for each in props.get("Metrics", []) if "MetricStat" in each]
    first = {key: metrics[0][key] for key in ("Namespace", "MetricName")} if metrics else {}
    plain = {key: value for key, value in props.items() if key != "Metrics"}
    return create_alarm(logical_id, {**plain, **first}, stack_name)


alarms["create"] = create_alarm_over_first_metric


# With AUTH=true the policies of roles and buckets hold, and the buckets of the stack demand TLS. A loopback
# interface needs none: what goes over it counts as encrypted.
pin_request_origin = iam_evaluator.pin_request_origin
iam_evaluator.pin_request_origin = lambda source_ip, _secure: pin_request_origin(source_ip, True)


# `aws:PrincipalArn` of a function is given as its session. On AWS it is the role's ARN, by which the lake's policy
# tells whose writes it refuses (IAM User Guide, "AWS global condition context keys").
key_value = iam_evaluator._resolve_condition_key


def key_value_of_role(key, ctx, *rest, **named):
    value = key_value(key, ctx, *rest, **named)
    if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
        return value
    account, role = re.fullmatch(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*", value).groups()
    return f"arn:aws:iam::{account}:role/{role}"


iam_evaluator._resolve_condition_key = key_value_of_role


# Policies do not see two keys that the stack's buckets judge writes by: whether the request creates an object, and
# whether it says that there must be none yet.
service_context = iam_actions.s3_service_context


def context_of_write(action, query_params, path, headers, *rest, **named):
    context = dict(service_context(action, query_params, path, headers, *rest, **named))
    if action == "s3:PutObject":
        is_step = "uploads" in query_params or "partNumber" in query_params
        context["s3:ObjectCreationOperation"] = "false" if is_step else "true"
        if headers.get("if-none-match"):
            context["s3:if-none-match"] = headers["if-none-match"]
    return context


iam_actions.s3_service_context = context_of_write

runpy.run_module("ministack.app", run_name="__main__")
