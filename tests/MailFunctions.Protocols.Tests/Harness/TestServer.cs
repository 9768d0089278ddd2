using System.Net;
using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Core.Telemetry;
using MailFunctions.Protocols.Pop3;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Smtp;

namespace MailFunctions.Protocols.Tests.Harness;

/// <summary>
/// The ports of a session in memory. Addresses say what happens: `alice@example.test` has the password
/// <see cref="Password"/>; `small@` takes 500 octets; `srs0@` takes reports; `off@`, `full@`, `away@`, `rate@` are refused for their
/// reason, unknown names too, and
/// `elsewhere.test` is not ours.
/// </summary>
internal sealed class TestServer : IMessageIntake, ISmtpPolicy, IAuthenticator, IOpenLogins, IMaildrops, ILoginPace, ISmtpEvents,
IPop3Events
{
    public const string HostName = "mail.example.test";
    public const string Password = "correct horse battery";

    private static readonly ScramVerifier Verifier = ScramVerifier.Create(Password, iterations: 4096);
    private static readonly AuthenticatedAccount Alice = new(EmailAddress.Parse("alice@example.test")!, "box-alice");

    /// <summary>What was taken in: committed messages with their envelopes.</summary>
    public List<(InboundEnvelope Envelope, byte[] Content)> Accepted { get; } = [];

    /// <summary>False: of accepted messages only the envelope is kept.</summary>
    public bool KeepsContent { get; set; } = true;

    /// <summary>What the intake would write onto the bus, commit by commit.</summary>
    public List<string?> TraceParents { get; } = [];

    /// <summary>Messages whose data was answered.</summary>
    public List<AnsweredMessage> Answered { get; } = [];

    /// <summary>Transactions with refused recipients that are over.</summary>
    public List<RefusedRecipients> Refused { get; } = [];

    /// <summary>Messages begun and not yet disposed of: 0 when a session has ended.</summary>
    public int Open { get; private set; }

    /// <summary>The store or the bus is away.</summary>
    public bool IntakeFails { get; set; }

    /// <summary>Other messages take all the memory there is.</summary>
    public bool IntakeHasNoRoom { get; set; }

    /// <summary>Every commit waits for it.</summary>
    public Task CommitGate { get; set; } = Task.CompletedTask;

    /// <summary>Every look at a recipient waits for it.</summary>
    public Task RecipientGate { get; set; } = Task.CompletedTask;

    /// <summary>Of the header sections: the intake here keeps what it gets elsewhere.</summary>
    public MessageMemory Memory { get; set; } = MessageMemory.Unbounded();

    /// <summary>Messages begun so far.</summary>
    public int Begun { get; private set; }

    /// <summary>The maildrop of alice.</summary>
    public TestMaildrop Maildrop { get; } = new();

    public bool MaildropInUse { get; set; }

    /// <summary>The rule of alice's account.</summary>
    public int? ExpireAfterDays { get; set; }

    /// <summary>SCRAM exchanges that were counted, and whether they succeeded.</summary>
    public List<bool> Proofs { get; } = [];

    /// <summary>What has become of alice's login.</summary>
    public LoginState LoginState { get; set; }

    /// <summary>Seconds between logins; the one before is a second ago.</summary>
    public int? LoginDelay { get; set; }

    /// <param name="change">Makes the listener another one; null: it has all defaults.</param>
    public Task<SessionEnd> RunSmtpAsync(
        MemoryConnection connection, string kind, Func<SmtpListener, SmtpListener>? change = null, bool plaintextLogin = false,
        TimeProvider? time = null, CancellationToken drain = default) =>
        new SmtpSession(
            connection,
            (change ?? (listener => listener))(
                new SmtpListener { Kind = kind, HostName = HostName, AllowPlaintextCredentials = plaintextLogin }),
            new SmtpSessionServices
            {
                Memory = Memory,
                Intake = this,
                Policy = this,
                Authenticator = this,
                Logins = this,
                Events = this,
                Time = time ?? TimeProvider.System,
                Drain = drain,
            })
        .RunAsync(CancellationToken.None);

    public Task<SessionEnd> RunPop3Async(
        MemoryConnection connection, bool plaintextLogin = false, TimeProvider? time = null, CancellationToken drain = default) =>
        new Pop3Session(
            connection,
            new Pop3Listener { HostName = HostName, AllowPlaintextCredentials = plaintextLogin, LoginDelaySeconds = LoginDelay },
            new Pop3SessionServices
            {
                Authenticator = this,
                Logins = this,
                Maildrops = this,
                Pace = this,
                Events = this,
                Time = time ?? TimeProvider.System,
                Drain = drain,
            })
        .RunAsync(CancellationToken.None);

    public IIncomingMessage Begin(string id, DateTimeOffset receivedAt, MessageRoom room)
    {
        Open++;
        Begun++;
        return new Incoming(this, MessageName.BlobFor(id, receivedAt));
    }

    public ValueTask<SenderVerdict> CheckSenderAsync(
        EmailAddress? sender, AuthenticatedAccount? account, ClientInfo client, CancellationToken cancellationToken) =>
        ValueTask.FromResult(sender?.Key == "rate" ? SenderVerdict.RateLimited
            : account is null || sender is null || sender.Equals(account.Address) ? SenderVerdict.Accepted : SenderVerdict.NotOwned);

    public ValueTask<SenderVerdict> CheckFromAsync(EmailAddress from, AuthenticatedAccount account, CancellationToken cancellationToken) =>
        ValueTask.FromResult(from.Equals(account.Address) ? SenderVerdict.Accepted : SenderVerdict.NotOwned);

    public async ValueTask<RecipientVerdict> CheckRecipientAsync(
        EmailAddress recipient, AuthenticatedAccount? account, ClientInfo client, EmailAddress? sender, long declaredSize,
        CancellationToken cancellationToken)
    {
        if (!RecipientGate.IsCompleted)
        {
            await RecipientGate;
        }

        return recipient.Domain is not ("example.test" or "xn--bcher-kva.test") ? RecipientVerdict.NotLocal : recipient.Key switch
        {
            "off" => RecipientVerdict.Disabled,
            "full" => RecipientVerdict.OverQuota,
            "small" when declaredSize > 900 => RecipientVerdict.TooBigForMailbox,
            "small" when declaredSize > 500 => RecipientVerdict.OverQuota,
            "away" => RecipientVerdict.Unavailable,
            "rate" => RecipientVerdict.RateLimited,
            "nobody" => RecipientVerdict.Unknown,
            "srs0" => sender is null ? RecipientVerdict.AcceptedAlone : RecipientVerdict.ReportsOnly,
            _ => RecipientVerdict.Accepted,
        };
    }

    public ValueTask<ContentVerdict> CheckContentAsync(IncomingContent content, CancellationToken cancellationToken) =>
        ValueTask.FromResult(!content.Recipients.All(r => r.Address.StartsWith("small@", StringComparison.Ordinal))
            ? ContentVerdict.Accepted
            : content.DeliveredTo.Contains("small@example.test") ? ContentVerdict.Loop
            : content.Size > 900 ? ContentVerdict.TooBigForMailbox
            : content.Size > 500 ? ContentVerdict.OverQuota
            : ContentVerdict.Accepted);

    public ValueTask<AuthenticationResult> CheckPasswordAsync(
        string login, string password, IPAddress client, CancellationToken cancellationToken) =>
        ValueTask.FromResult<AuthenticationResult>(login switch
        {
            "throttled@example.test" => new AuthenticationResult.Throttled(TimeSpan.FromSeconds(30)),
            "away@example.test" => new AuthenticationResult.Unavailable(),
            "alice@example.test" when password == Password =>
                new AuthenticationResult.Authenticated(Alice with { ExpireAfterDays = ExpireAfterDays }),
            _ => new AuthenticationResult.Rejected(),
        });

    public ValueTask<ScramLookup> FindScramAsync(string login, IPAddress client, CancellationToken cancellationToken) =>
        ValueTask.FromResult<ScramLookup>(login switch
        {
            "throttled@example.test" => new ScramLookup.Refused(new AuthenticationResult.Throttled(TimeSpan.FromSeconds(30))),
            "away@example.test" => new ScramLookup.Refused(new AuthenticationResult.Unavailable()),
            _ => new ScramLookup.Found(new ScramCredential(login == "alice@example.test" ? Alice : null, Verifier)),
        });

    public AuthenticationResult.Throttled? RecordScram(string login, IPAddress client, bool succeeded)
    {
        Proofs.Add(succeeded);
        return null;
    }

    ValueTask<LoginState> IOpenLogins.CheckAsync(AuthenticatedAccount account, CancellationToken cancellationToken) =>
        ValueTask.FromResult(LoginState);

    public TimeSpan TryEnter(AuthenticatedAccount account) => TimeSpan.FromSeconds((LoginDelay ?? 1) - 1);

    public ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken) =>
        ValueTask.FromResult<MaildropOpening>(MaildropInUse ? new MaildropOpening.InUse() : new MaildropOpening.Opened(Maildrop));

    void ISmtpEvents.Refused(IPAddress client, string command, ReplyStatus reply)
    {
    }

    void ISmtpEvents.Accepted(IPAddress client, string id, int recipients, long octets)
    {
    }

    void ISmtpEvents.Answered(AnsweredMessage message)
    {
        lock (Answered)
        {
            if (KeepsContent)
            {
                Answered.Add(message);
            }
        }
    }

    void ISmtpEvents.RecipientsRefused(RefusedRecipients refused)
    {
        lock (Refused)
        {
            Refused.Add(refused);
        }
    }

    void IPop3Events.LoggedIn(IPAddress client, AuthenticatedAccount account, long messages)
    {
    }

    void IPop3Events.Retrieved(long octets)
    {
    }

    void IPop3Events.Deleted(int messages)
    {
    }

    private sealed class Incoming(TestServer server, string blob) : IIncomingMessage
    {
        private readonly MemoryStream _content = new();
        private bool _disposed;

        public long Length { get; private set; }

        public string Blob => blob;

        public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
        {
            if (server.IntakeHasNoRoom)
            {
                throw new NoRoomException("No room.");
            }

            Length += octets.Length;
            if (server.KeepsContent)
            {
                _content.Write(octets.Span);
            }

            return ValueTask.CompletedTask;
        }

        public async ValueTask<IntakeResult> CommitAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
        {
            var trace = MailSpans.TraceParent;
            await server.CommitGate;
            if (server.IntakeFails)
            {
                return IntakeResult.Unavailable;
            }

            lock (server.Accepted)
            {
                server.Accepted.Add((envelope, _content.ToArray()));
                server.TraceParents.Add(trace);
            }

            return IntakeResult.Accepted;
        }

        public ValueTask DisposeAsync()
        {
            if (!_disposed)
            {
                _disposed = true;
                server.Open--;
            }

            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>A maildrop in memory; messages by uid.</summary>
internal sealed class TestMaildrop : IMaildrop
{
    public SortedDictionary<uint, byte[]?> Messages { get; } = [];

    /// <summary>Deletes only so many and then stops, as a store in trouble does.</summary>
    public int DeletesAtMost { get; set; } = int.MaxValue;

    /// <summary>Called when the session lists the messages, within its first command that needs them.</summary>
    public Action? Listing { get; set; }

    /// <summary>Octets that a piece of content holds.</summary>
    public int PieceOctets { get; set; } = 1000;

    public bool Disposed { get; private set; }

    public long Count => Messages.Count;

    public long Bytes => Messages.Values.Sum(m => (long)(m?.Length ?? 100));

    public string UniqueIdPrefix => "u1";

    public bool IsLocked { get; set; } = true;

    public void Add(string content) => Messages.Add((uint)Messages.Count + 1, Encoding.UTF8.GetBytes(content));

    public async IAsyncEnumerable<IReadOnlyList<MaildropMessage>> ListAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Listing?.Invoke();
        foreach (var page in Messages.Select(m => new MaildropMessage(m.Key, m.Value?.Length ?? 100)).ToList().Chunk(2))
        {
            await Task.Yield();
            yield return page;
        }
    }

    /// <summary>What the session said is likely next, message by message.</summary>
    public List<(uint[] Uids, int Reach)> LikelyNext { get; } = [];

    public ValueTask<IMaildropContent?> OpenMessageAsync(uint uid, LikelyNext next, CancellationToken cancellationToken)
    {
        LikelyNext.Add((next.Uids.ToArray(), next.Reach));
        return ValueTask.FromResult<IMaildropContent?>(
            Messages.GetValueOrDefault(uid) is { } content ? new Content(content, PieceOctets) : null);
    }

    /// <summary>Messages that were sent whole.</summary>
    public List<uint> Fetched { get; } = [];

    public void MarkFetched(uint uid)
    {
        ObjectDisposedException.ThrowIf(Disposed, this);
        Fetched.Add(uid);
    }

    public ValueTask<int> DeleteAsync(IReadOnlyList<uint> uids, CancellationToken cancellationToken)
    {
        var deleted = uids.Take(DeletesAtMost).ToList();
        deleted.ForEach(u => Messages.Remove(u));
        return ValueTask.FromResult(deleted.Count);
    }

    public ValueTask DisposeAsync()
    {
        Disposed = true;
        return ValueTask.CompletedTask;
    }

    private sealed class Content(byte[] content, int piece) : IMaildropContent
    {
        private int _at;

        public long Size => content.Length;

        public ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
        {
            var next = content.AsMemory(_at, Math.Min(piece, content.Length - _at));
            _at += next.Length;
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(next);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
