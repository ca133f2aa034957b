# SPDX-License-Identifier: Apache-2.0
# Boots an instance, as the command of its first process: every start and every reboot come through here.
# The places are cloud-init's. What the shell can do itself it does: a process costs as much as a namespace.
umask 022
read -r id </run/cloud-init/.instance-id
here=/var/lib/cloud/instances/$id

# Accounts without passwords, for those who had one on the host too.
if [ ! -e /etc/shadow ] && [ -e /etc/passwd ]; then
    (umask 077; while IFS=: read -r name rest; do echo "$name:*:19000:0:99999:7:::"; done </etc/passwd >/etc/shadow)
fi

# Whom to trust with the names of services. Tools of the machine that write the bundle anew find the certificate too.
authority=/usr/local/share/ca-certificates/kintoun.crt
bundle=/etc/ssl/certs/ca-certificates.crt
[ -e /etc/pki/tls/certs/ca-bundle.crt ] && bundle=/etc/pki/tls/certs/ca-bundle.crt
[ -e $bundle ] || bundle=$authority  # a small root of its own
if [ -e $authority ]; then
    known=
    [ -e /var/lib/cloud/authority ] && read -r known </var/lib/cloud/authority
    { read -r line; read -r line; } <$authority
    if [ "$line" != "$known" ]; then
        [ $bundle = $authority ] || while read -r part; do echo "$part"; done <$authority >>$bundle
        # The AWS CLI and SDKs for Python and JavaScript may bring bundles of their own.
        echo "AWS_CA_BUNDLE=$bundle
NODE_EXTRA_CA_CERTS=$authority" >>/etc/environment
        echo "$line" >/var/lib/cloud/authority
    fi
    export AWS_CA_BUNDLE=$bundle NODE_EXTRA_CA_CERTS=$authority
fi

if [ -s /run/cloud-init/key ] && [ ! -e "$here/sem/config_ssh" ]; then
    (umask 077; while read -r line; do echo "$line"; done </run/cloud-init/key >>/root/.ssh/authorized_keys)
    : >"$here/sem/config_ssh"
fi
if [ -x /usr/sbin/sshd ]; then
    [ -e "$here/sem/config_ssh_keys" ] || rm -f /etc/ssh/ssh_host_*_key*  # of the instance that the image was made of
    : >"$here/sem/config_ssh_keys"
    { ssh-keygen -A; mkdir -p /run/sshd; /usr/sbin/sshd; } >/dev/null 2>&1 &
fi

for script in /var/lib/cloud/scripts/per-boot/*; do
    [ -x "$script" ] && "$script"
done

# Once in the life of the instance, whatever becomes of it.
if [ ! -e "$here/sem/config_scripts_user" ] && [ -s "$here/user-data.txt" ]; then
    : >"$here/sem/config_scripts_user"
    script=$here/scripts/part-001
    if [ -e "$script.gz" ]; then
        gunzip -c "$script.gz" >"$script" && chmod 700 "$script"
    fi
    head=
    [ -e "$script" ] && read -r head <"$script"
    case $head in
    '#!'*)
        cd /
        if [ -d /var/log ] && command -v tee >/dev/null; then
            "$script" 2>&1 | tee -a /var/log/cloud-init-output.log
        else # a small root of its own
            "$script" 2>&1
        fi
        ;;
    *)
        echo "kintoun: the user data is no script (it does not begin with #!) and is not run"
        ;;
    esac
fi
: >"$here/boot-finished"
echo "kintoun: $id has booted"
