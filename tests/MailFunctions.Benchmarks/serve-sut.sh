#!/usr/bin/env bash
# The edge with an intake that throws messages away, as a server for a comparison with other mail servers.
# start | stop | pids | addr      PORT (12540), WORK (a folder for pid and log); PROFILE=idle raises the caps
cd "$(dirname "$0")/../.." || exit 1
PORT=${PORT:-12540} WORK=${WORK:-/tmp/mailfunctions-sut}
PROGRAM=artifacts/bin/MailFunctions.Benchmarks/release/MailFunctions.Benchmarks
mkdir -p "$WORK"
case "${1:-}" in
start)
  [ -x "$PROGRAM" ] || dotnet build tests/MailFunctions.Benchmarks -c Release -v q >"$WORK/build.log" 2>&1 || { cat "$WORK/build.log"; exit 1; }
  setsid "$PROGRAM" edge-discard --port "$PORT" >"$WORK/log" 2>&1 </dev/null &
  echo $! >"$WORK/pid"
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && exit 0; sleep 0.1; done
  echo "port $PORT did not open in 10 s; see $WORK/log" >&2; exit 1 ;;
stop)
  [ -s "$WORK/pid" ] || exit 0
  kill "$(cat "$WORK/pid")" 2>/dev/null
  for _ in $(seq 100); do [ -d "/proc/$(cat "$WORK/pid")" ] || break; sleep 0.1; done
  rm -f "$WORK/pid" ;;
pids) cat "$WORK/pid" 2>/dev/null ;;
addr) echo "127.0.0.1 $PORT" ;;
*) echo "usage: $0 start|stop|pids|addr"; exit 2 ;;
esac
