#!/usr/bin/env bash
# The broker itself understands RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS.
set -euo pipefail

chown -R rabbitmq: /var/lib/rabbitmq
export HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
# With the limits of some machines the Erlang VM would set gigabytes aside for descriptors.
(($(ulimit -n) <= 65536)) || ulimit -n 65536
exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups /usr/lib/rabbitmq/bin/rabbitmq-server
