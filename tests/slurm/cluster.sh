#!/usr/bin/env bash
# A SLURM of one node on this machine's loopback, for tests: cluster.sh start FOLDER, cluster.sh stop FOLDER.
#
# Needs root and Debian's slurm-wlm and munge. Claims /etc/slurm/slurm.conf, where jobs look for it, if there is none.
# The node tells of 16 cores, 128 GB and two GPUs, whatever the machine has: jobs are to be placed, not held to it.
set -eu
action=$1 folder=$(mkdir -p "$2" && cd "$2" && pwd)
conf=/etc/slurm/slurm.conf mark="# of a test: $folder"

stop() {
    for name in slurmd slurmctld munged; do
        [ -f "$folder/$name.pid" ] || continue
        pid=$(cat "$folder/$name.pid")
        kill "$pid" 2>/dev/null || continue
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done  # it writes its state at the end
    done
    if grep -qxF "$mark" "$conf" 2>/dev/null; then rm -f "$conf" /etc/slurm/gres.conf; fi
}

start() {
    if [ "$(id -u)" != 0 ]; then echo "needs root" >&2; exit 3; fi
    if [ -e "$conf" ]; then echo "$conf is there already" >&2; exit 3; fi
    host=$(hostname -s)
    mkdir -p "$folder/state" "$folder/spool" /etc/slurm /run/munge
    cat >"$conf" <<EOF
$mark
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=5,bf_interval=5
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=7200
GresTypes=gpu
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 RealMemory=128000 Gres=gpu:2 State=UNKNOWN
PartitionName=only Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOF
    echo "NodeName=$host Name=gpu File=/dev/null,/dev/zero" >/etc/slurm/gres.conf
    trap stop ERR
    dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 2>/dev/null
    chown munge: "$folder/munge.key" /run/munge && chmod 400 "$folder/munge.key" && chmod 755 /run/munge "$folder"
    install -o munge -m 755 -d "$folder/munge"
    runuser -u munge -- /usr/sbin/munged --force --key-file="$folder/munge.key" --pid-file="$folder/munge/pid" \
        --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
    cp "$folder/munge/pid" "$folder/munged.pid"
    slurmctld
    slurmd -N "$host"
    for _ in $(seq 60); do
        if sinfo -h -o %T 2>/dev/null | grep -qx idle; then exit 0; fi
        sleep 1
    done
    tail -n 20 "$folder"/*.log >&2
    stop
    exit 1
}

"$action"
