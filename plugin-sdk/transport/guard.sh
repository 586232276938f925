#!/bin/sh
# guard.sh COMMAND [ARG...]
#
# Runs COMMAND so that nothing of it outlives whoever holds the guard's standard input. The guard is started as the
# leader of its own process group. When its input ends, or when COMMAND ends, the whole group gets TERM and a second
# later KILL. TERM to the guard alone is passed on to COMMAND. Exits as COMMAND did.
umask 077 # sockets and files of a plugin are nobody else's
exec 3<&0 0</dev/null

child=
trap 'test -z "$child" || kill -TERM "$child"' TERM
trap : INT HUP

"$@" 3<&- &
child=$!

(
  trap : TERM INT HUP
  PATH="$PATH:/usr/bin:/bin" # COMMAND may have another one
  cat <&3 # ends with the input, or by the TERM that the guard sends to its group
  kill -TERM "-$$"
  sleep 1
  kill -KILL "-$$"
) >/dev/null 2>&1 &
exec 3<&-

# A signal interrupts wait: the child is waited for as long as it is there.
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
done
child=
kill -TERM "-$$" 2>/dev/null
exit "$code"
