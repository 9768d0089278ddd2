// Run inside Thunderbird, in its privileged context: what the account assistant and the buttons do, without a hand on a mouse.
// arguments: [step, settings, resolve]; resolves to what happened.
const [step, s, resolve] = arguments;
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const done = value => resolve(value);
const Steps = {
  // Settings, Privacy & Security, Certificates, Authorities, Import: trusted for web sites, which is for servers.
  importAuthority() {
    Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(s.certificate, "C,,");
    done("imported");
  },

  addAccount() {
    const server = MailServices.accounts.createIncomingServer(s.user, "localhost", "pop3");
    server.port = s.pop3;
    server.socketType = s.starttls ? Ci.nsMsgSocketType.alwaysSTARTTLS : Ci.nsMsgSocketType.SSL;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    server.password = s.password;
    server.loginAtStartUp = false;
    server.doBiff = false;
    server.QueryInterface(Ci.nsIPop3IncomingServer).leaveMessagesOnServer = true;
    const smtp = MailServices.outgoingServer.createServer("smtp");
    smtp.QueryInterface(Ci.nsISmtpServer);
    smtp.hostname = "localhost";
    smtp.port = s.smtp;
    smtp.username = s.user;
    smtp.socketType = server.socketType;
    smtp.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    smtp.password = s.password;
    const identity = MailServices.accounts.createIdentity();
    identity.email = s.user;
    identity.fullName = "Someone";
    identity.doFcc = false;
    identity.smtpServerKey = smtp.key;
    const account = MailServices.accounts.createAccount();
    account.incomingServer = server;
    account.addIdentity(identity);
    MailServices.accounts.defaultAccount = account;
    done(server.key);
  },

  password() {
    const server = MailServices.accounts.getIncomingServer(s.key);
    server.password = s.password;
    done("set");
  },

  // Get Messages. A refused login asks whether to try again: Cancel.
  fetch() {
    const asked = [];
    Services.prompt = new Proxy({}, { get: (_, name) => name === "confirmEx" ? (...a) => (asked.push(a[2]), 1) : () => false });
    const server = MailServices.accounts.getIncomingServer(s.key);
    const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    MailServices.pop3.GetNewMail(null, {
      OnStartRunningUrl() {},
      OnStopRunningUrl(_, status) {
        const subjects = [...inbox.messages].map(m => m.mime2DecodedSubject);
        done({ succeeded: status === 0, asked: asked.length, subjects });
      },
    }, inbox, server);
  },

  send() {
    const server = MailServices.accounts.getIncomingServer(s.key);
    const account = MailServices.accounts.findAccountForServer(server);
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    fields.from = s.user;
    fields.to = s.to;
    fields.subject = s.subject;
    const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
    file.append(`${s.subject}.eml`);
    const text = `From: ${s.user}\r\nTo: ${s.to}\r\nSubject: ${s.subject}\r\n\r\nHello\r\n`;
    IOUtils.writeUTF8(file.path, text).then(() => {
      Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend).sendMessageFile(
        account.defaultIdentity, account.key, fields, file, true, false, Ci.nsIMsgSend.nsMsgDeliverNow, null, {
          onStartSending() {},
          onProgress() {},
          onSendProgress() {},
          onStatus() {},
          onStopSending(_, status, message) { done({ succeeded: status === 0, status: status.toString(16), message }); },
          onGetDraftFolderURI() {},
          onSendNotPerformed() { done({ succeeded: false, status: "not performed" }); },
          onTransportSecurityError(_, status) { done({ succeeded: false, status: `tls ${status.toString(16)}` }); },
        }, null, "");
    });
  },
};
try {
  Steps[step]();
} catch (e) {
  done({ succeeded: false, error: String(e) });
}
