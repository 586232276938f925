#!/bin/sh
# Asks Outrider where a request should go, sends it there, and says what became of it. Usage: pick.sh [HOST [MODEL]]
set -eu
host=${1:-http://127.0.0.1:9005}
path=/v1/chat/completions
body='{"model":"'${2-m}'","messages":[{"role":"user","content":"Hello"}],"max_tokens":16}'

call() { # METHOD MESSAGE
  curl -sS --max-time 2 "$host/outrider.picker.v1.PickerService/$1" -H 'content-type: application/json' -d "$2"
}

pick=$(call Pick '{"path":"'$path'","body":"'"$(printf %s "$body" | base64 | tr -d '\n')"'"}')
decision=$(printf %s "$pick" | sed -n 's/.*"decisionId":"\([^"]*\)".*/\1/p')
endpoint=$(printf %s "$pick" | sed -n 's/.*"endpoints":\["\([^"]*\)".*/\1/p')
if [ -z "$decision" ]; then
  echo "refused: $pick" >&2
  exit 1
fi

status=$(curl -s -o /dev/null -w '%{http_code}' "http://$endpoint$path" -H 'content-type: application/json' \
  -H "x-gateway-destination-endpoint: $endpoint" -d "$body") || status=0
if [ "$status" = 000 ] || [ "$status" = 0 ]; then
  status=0 cause=upstream_error
else
  cause=ok
fi
call Complete '{"decisionId":"'"$decision"'","status":'"$status"',"cause":"'$cause'"}' >/dev/null
echo "decision $decision endpoint $endpoint status $status"
