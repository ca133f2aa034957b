# SPDX-License-Identifier: Apache-2.0
# Boots an instance, as the command of its first process: every start and every reboot come through here.
# The places are cloud-init's.
umask 022
id=$(cat /run/cloud-init/.instance-id)
here=/var/lib/cloud/instances/$id
mkdir -p "$here/sem" "$here/scripts" /var/lib/cloud/scripts/per-boot /var/log /var/tmp /run/sshd
chmod 1777 /var/tmp
ln -sfn "$here" /var/lib/cloud/instance
cp /run/cloud-init/user-data "$here/user-data.txt"

# Accounts without passwords, for those who had one on the host too.
[ -e /etc/shadow ] || { (umask 077; sed 's/:.*/:*:19000:0:99999:7:::/' /etc/passwd >/etc/shadow); }

if [ -s /run/cloud-init/key ] && [ ! -e "$here/sem/config_ssh" ]; then
    mkdir -p -m 700 /root/.ssh
    cat /run/cloud-init/key >>/root/.ssh/authorized_keys
    chmod 600 /root/.ssh/authorized_keys
    : >"$here/sem/config_ssh"
fi
if [ -x /usr/sbin/sshd ]; then
    ssh-keygen -A >/dev/null 2>&1
    /usr/sbin/sshd
fi

for script in /var/lib/cloud/scripts/per-boot/*; do
    [ -x "$script" ] && "$script"
done

# Once in the life of the instance, whatever becomes of it.
if [ ! -e "$here/sem/config_scripts_user" ] && [ -s "$here/user-data.txt" ]; then
    : >"$here/sem/config_scripts_user"
    script=$here/scripts/part-001
    gunzip -c "$here/user-data.txt" >"$script" 2>/dev/null || cp "$here/user-data.txt" "$script"
    case $(head -c 2 "$script") in
    '#!')
        chmod 700 "$script"
        cd / && "$script" 2>&1 | tee -a /var/log/cloud-init-output.log
        ;;
    *)
        echo "kintoun: the user data is no script (it does not begin with #!) and is not run"
        ;;
    esac
fi
: >"$here/boot-finished"
echo "kintoun: $id has booted"
