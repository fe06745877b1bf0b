//! Programs whose command lines hold secrets that no name announces: one table.
//!
//! A row names programs, their short options that take a value (so that bundles like `-sSu` can be
//! read), and what hides a secret:
//!
//! * `-p` the value of a short option, attached or in the next argument; `-p!` only attached;
//! * `--user`, `-pw` the value of a long option, behind `=` or in the next argument; `/p:` attached;
//! * `WORD>2` the second argument after the word; `WORD>2+` that and all that follow; `>3` the
//!   third argument of the program; `-b>2+` counted from a short option;
//! * at the end, which part is secret: `:` behind the first colon, `%` behind a percent sign, `,`
//!   behind a comma, `/` behind a slash (up to an `@`); nothing: all of it.

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// Names of the programs.
    pub(super) names: &'static str,
    /// Short options that take a value. Absent: options are not bundled.
    pub(super) takes: Option<&'static str>,
    /// What hides a secret.
    pub(super) secrets: &'static str,
}

const fn row(names: &'static str, takes: &'static str, secrets: &'static str) -> Client {
    Client {
        names,
        takes: Some(takes),
        secrets,
    }
}

/// A program with long options behind a single dash.
const fn long(names: &'static str, secrets: &'static str) -> Client {
    Client {
        names,
        takes: None,
        secrets,
    }
}

/// The table.
pub(super) const CLIENTS: &[Client] = &[
    row(
        "curl",
        "AbcCdDeEFhHKmoPQrtTuUwxXyYz",
        "-u: -U: --user: --proxy-user: -b --cookie --oauth2-bearer --proxy-pass --pass --tlspassword -E: --cert: --aws-sigv4-key",
    ),
    row(
        "wget wget2",
        "aoeitTOBUPDQlARIX",
        "--http-passwd --http-password --ftp-password --proxy-passwd --user-password",
    ),
    row("http https xh xhs", "aAosdp", "-a: --auth: --bearer"),
    row("ab", "nctskTACHPXpuvyezgi", "-A: -P: -C"),
    row(
        "hey wrk siege oha bombardier vegeta",
        "nqczDmtTHdxoa",
        "-a:",
    ),
    row(
        "aria2c",
        "dijloskxUT",
        "--http-passwd --ftp-passwd --rpc-secret --all-proxy-passwd --http-proxy-passwd --https-proxy-passwd",
    ),
    row(
        "mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlsh mysqlshow mysqlslap mysqlpump mariadb mariadb-admin mariadb-backup mariadb-check mariadb-dump mariadb-import mariadb-show mydumper myloader xtrabackup innobackupex",
        "DehPSuT",
        "-p! password>1",
    ),
    row(
        "mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop",
        "hudcpfoq",
        "-p",
    ),
    row("sshpass", "fdP", "-p"),
    row(
        "redis-cli valkey-cli keydb-cli",
        "hpsunird",
        "-a --pass AUTH>1+ auth>1+ requirepass>1 masterauth>1",
    ),
    row("redis-benchmark valkey-benchmark", "hpscndkrPt", "-a"),
    row(
        "redis-server valkey-server keydb-server redis-sentinel",
        "",
        "--requirepass --masterauth requirepass>1 masterauth>1",
    ),
    row(
        "ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldapcompare ldapmodrdn ldapexop",
        "HDbsyfdeEhpPYUXRO",
        "-w",
    ),
    row("ldappasswd", "HDyedhpPYUXR", "-w -s -a"),
    row("slappasswd", "hcTF", "-s"),
    row("ldapsearch.exe ldifde csvde", "", "-w -b>3"),
    row("zip unzip zipcloak 7zzs", "bnstix", "-P"),
    Client {
        names: "7z 7za 7zr 7zz rar unrar",
        takes: None,
        secrets: "-p! -hp!",
    },
    row(
        "mosquitto_pub mosquitto_sub mosquitto_rr mqttx",
        "hptmuiqAkfV",
        "-P --pw",
    ),
    row("mosquitto_passwd", "", "-b>3"),
    row(
        "docker podman buildah skopeo helm nerdctl crane oras regctl img",
        "uvpewhlmcfn",
        "login>-p --creds: --src-creds: --dest-creds: --registry-token",
    ),
    row(
        "az oc cf kubelogin rhoas",
        "ugnst",
        "login>-p --account-key --sas-token --connection-string",
    ),
    row("smbclient", "IpWnNkDcTLtsdm", "-U% --user% --pw-nt-hash >2"),
    row(
        "smbget rpcclient winexe smbcacls smbcquotas smbtree cifsdd wmic",
        "IpWnNkDcTLtsd",
        "-U% --user% --pw-nt-hash",
    ),
    row("net", "Uwps", "-U% /user>1 use>3"),
    long("kubectl oc", "--from-literal"),
    row(
        "smbmap crackmapexec cme nxc netexec evil-winrm psexec winrs",
        "udHxi",
        "-p -H",
    ),
    row(
        "sqlplus sqlplusw rman expdp impdp exp imp sqlldr tnsping sqlcl",
        "CMR",
        ">1/ connect>1/ target>1/",
    ),
    row(
        "sqlcmd osql bcp isqlw mssql-cli",
        "SUdiohHlsqQtwDKaCfFrbe",
        "-P",
    ),
    row("tsql bsqldb fisql freebcp", "SHpUDISLoj", "-P"),
    row("isql iusql", "dxmlen", ">3"),
    row("db2 db2batch", "", "using>1"),
    row(
        "cqlsh nodetool dsetool sstableloader cassandra-stress",
        "uekfshd",
        "-pw -p",
    ),
    row("cypher-shell neo4j-admin", "audf", "-p"),
    row(
        "clickhouse-client clickhouse clickhouse-local",
        "hudq",
        "--password",
    ),
    row(
        "influx influxd influx_inspect",
        "ob",
        "-t --token -password -p",
    ),
    row("beeline", "undeif", "-p"),
    row("vsql", "hpUdcfo", "-w"),
    row(
        "snowsql snow",
        "audwsrfqo",
        "--private-key-passphrase --mfa-passcode",
    ),
    row(
        "couchbase-cli cbbackup cbrestore cbq cbimport cbexport cbc",
        "cu",
        "-p",
    ),
    row("lftp", "pefc", "-u,"),
    row("ncftp ncftpget ncftpput tnftp", "ujPd", "-p"),
    row(
        "snmpget snmpgetnext snmpwalk snmpbulkwalk snmpbulkget snmpset snmptable snmptrap snmpinform snmpstatus snmpdf snmptranslate snmpnetstat snmpcheck",
        "aAceElnruvxXZmMOILtTCd",
        "-A -X -c -3k -3K -3m -3M",
    ),
    row("snmptrapd snmpusm", "aAceElnruvxXCc", "-A -X"),
    row(
        "ipmitool ipmi-sensors ipmipower bmc-device ipmi-chassis ipmi-sel",
        "IHUPKkyLptCAEfSom",
        "-P -K -k password>2",
    ),
    row("racadm", "riu", "-p"),
    Client {
        names: "xfreerdp wlfreerdp sdl-freerdp xfreerdp3 mstsc freerdp-shadow-cli",
        takes: None,
        secrets: "/p: /gp: /pth: /password: /gateway-password: --p -p",
    },
    row("rdesktop", "udcgkaTsnre", "-p"),
    Client {
        names: "x11vnc",
        takes: None,
        secrets: "-passwd -viewpasswd",
    },
    row("vncpasswd.exe wpa_passphrase", "", ">2"),
    row(
        "nmcli",
        "",
        "password>1 psk>1 wifi-sec.psk>1 802-11-wireless-security.psk>1 vpn.secrets>1 wep-key0>1 802-1x.password>1 leap-password>1",
    ),
    row("iwconfig", "", "key>1 enc>1"),
    row("rclone", "", "obscure>1"),
    row(
        "htpasswd nginx-htpasswd",
        "Cr",
        "-b>3 -nb>2 -bn>2 -nbB>2 -nbm>2 -nbs>2 -nbBC>3",
    ),
    row("htdigest", "", ">4"),
    row(
        "rabbitmqctl rabbitmqadmin rabbitmqctl.bat",
        "npHPVtl",
        "add_user>2 change_password>2 authenticate_user>2 -p --password --erlang-cookie",
    ),
    long(
        "openssl libressl",
        "-k -K -pass pass -passin -passout -psk -srppass -hmac -macopt passwd>1 -pwri_password -secret",
    ),
    Client {
        names: "keytool jarsigner apksigner certutil pk12util",
        takes: None,
        secrets: "-storepass -keypass -srcstorepass -deststorepass -destkeypass -srckeypass -W -K -w --ks-pass --key-pass",
    },
    Client {
        names: "plink pscp psftp putty kitty klink pageant winscp",
        takes: None,
        secrets: "-pw",
    },
    row("pdftk", "", "owner_pw>1 user_pw>1 input_pw>1"),
    row("qpdf", "", "--encrypt>1 --encrypt>2"),
    row("gpg gpg2", "ruoac", "--passphrase"),
    row("mc mcli", "", "set>4 add>4"),
    row(
        "s3cmd s4cmd",
        "",
        "--secret_key --access_key --access_token",
    ),
    row(
        "vault bao openbao",
        "",
        "login>1 unseal>1 operator-unseal>1 unwrap>1 lookup>1",
    ),
    row("consul nomad", "", "-token --token keyring>1"),
    row("etcdctl", "uw", "--user: -u:"),
    row(
        "doctl flyctl fly hcloud linode-cli vultr-cli scw heroku netlify vercel wrangler railway render",
        "ocf",
        "-t --access-token --auth --api-key",
    ),
    row(
        "ngrok",
        "",
        "authtoken>1 add-authtoken>1 add-api-key>1 --authtoken --basic-auth: --oauth-client-secret",
    ),
    row(
        "tailscale headscale netbird zerotier-cli",
        "",
        "--authkey --auth-key --setup-key -k",
    ),
    row("cloudflared", "", "--token run>1"),
    row(
        "snyk sonar-scanner codecov coveralls",
        "tfF",
        "auth>1 -t --token",
    ),
    row(
        "gitlab-runner",
        "unrc",
        "-r --registration-token -t --token",
    ),
    row(
        "cargo gem npm pnpm yarn nuget dotnet twine flit poetry pip pip3 uv composer",
        "upkrsictdn",
        "cargo-login>1 login>1 --otp -ApiKey push>-k push>-ApiKey setapikey>1 setApiKey>1 upload>-p upload>--key github-oauth.github.com>1 gitlab-token.gitlab.com>1 add>--password pypi-token.pypi>1",
    ),
    row(
        "yt-dlp youtube-dl streamlink gallery-dl",
        "uofaPS",
        "-p --password --video-password --twofactor -2 --ap-password",
    ),
    row(
        "swaks sendemail sendEmail smtp-cli mailsend curlmail",
        "tfsupa",
        "-ap --ap --auth-password -xp -pass",
    ),
    row("mailx s-nail mutt msmtp", "sracb", "smtp-auth-password>1"),
    row("squidclient", "hpUlmTWIJHPt", "-w -W"),
    row("cryptsetup", "cshdpo", "--master-key"),
    row("useradd usermod adduser", "bcdefgGkKlLrsuMD", "-p"),
    row("dsmc dsmadmc", "", "-pa -password -id>9"),
    row("mount.cifs curlftpfs sshfs davfs2 s3fs goofys", "ou", "-p"),
    row("hydra medusa ncrack patator", "lLPCoMtsemx", "-p"),
    row(
        "kinit kadmin kadmin.local ktutil",
        "pkqrstcwlSTX",
        "-w -pw cpw>-pw addprinc>-pw",
    ),
    row("mkpasswd", "mSRs", ">1"),
    row("expect autoexpect", "f", "send>1"),
    long("schtasks", "/rp /p"),
    row("java-jenkins-cli jenkins-cli", "", "-auth:"),
    row("jfrog jf", "", "--password --apikey --access-token"),
    row(
        "arangosh arangodump arangorestore arangoimport",
        "",
        "--server.password",
    ),
    row(
        "virt-v2v virt-customize guestfish virt-sysprep",
        "adc",
        "--root-password --password --key",
    ),
    row("zabbix_sender zabbix_get", "czpsko", "--tls-psk"),
    row(
        "cntlm nc ncat socat openconnect openvpn vpnc",
        "ucgds",
        "-p! --proxy-auth: --token-secret",
    ),
    row(
        "telegram-send slack-term slackcat signal-cli pushover notify apprise",
        "ctdg",
        "--token -t",
    ),
    row(
        "stunnel wg ss-local ss-server ss-redir ss-tunnel sslocal ssserver shadowsocks-libev trojan v2ray",
        "splmbctnf",
        "-k",
    ),
    row(
        "geth besu bitcoin-cli bitcoind lnd",
        "",
        "-rpcpassword --rpcpassword -rpcauth --unlock-password walletpassphrase>1 encryptwallet>1",
    ),
    row(
        "impacket-psexec impacket-secretsdump secretsdump.py psexec.py wmiexec.py smbexec.py GetNPUsers.py impacket-wmiexec impacket-smbexec",
        "",
        "-hashes >1:",
    ),
];

/// Programs whose `-u` takes something else than `user:password`.
pub(super) const OTHER_USERS: &str = "bash chown chroot cut date diff docker ffmpeg fio gcc git gunicorn id install java journalctl kubectl ls lxc nerdctl node nsenter perl podman ps python python2 python3 rsync runuser setpriv sh sort start-stop-daemon su sudo systemd-run systemctl tar tee uniq unshare useradd uvicorn uwsgi xargs zsh";
