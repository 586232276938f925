"""Asks Outrider where a request should go, sends it there, and says what became of it."""
import base64, json, sys, time, urllib.error, urllib.request

HOST = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9005"
MODEL = sys.argv[2] if len(sys.argv) > 2 else "m"
PATH = "/v1/chat/completions"
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16}).encode()


def post(url, body, headers, timeout):
    """Status and JSON of the answer, one that refuses too."""
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def call(method, message):
    status, answer = post(f"{HOST}/outrider.picker.v1.PickerService/{method}", json.dumps(message).encode(), {}, 2)
    if status != 200:
        sys.exit(f"refused: {json.dumps(answer)}")
    return answer


def send(pick):
    """The first endpoint that takes the connection answers."""
    headers = {header["name"]: header["value"] for header in pick["headers"]}
    body = base64.b64decode(pick["body"]) if "body" in pick else BODY
    for endpoint in pick["endpoints"]:
        try:
            return endpoint, *post(f"http://{endpoint}{PATH}", body, headers, 600)
        except urllib.error.URLError:
            continue
    call("Complete", {"decisionId": pick["decisionId"], "cause": "upstream_error"})
    sys.exit(f"no endpoint of {pick['endpoints']} takes a connection")


started = time.monotonic()
pick = call("Pick", {"path": PATH, "body": base64.b64encode(BODY).decode()})
served, status, answer = send(pick)
usage = answer.get("usage", {})
call("Complete", {"decisionId": pick["decisionId"], "status": status, "served": served,
                  "usage": {"promptTokens": usage.get("prompt_tokens", 0), "outputTokens": usage.get("completion_tokens", 0)},
                  "e2eMs": 1000 * (time.monotonic() - started)})
print(f"decision {pick['decisionId']} endpoint {served} status {status}")
