using System.Collections.Concurrent;
using System.Text;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailFunctions.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>Signing over a directory and a key store in memory.</summary>
internal sealed class TestDkim
{
    public const string Domain = "example.test";

    public TestDkim(TimeProvider? time = null)
    {
        Time = time ?? TimeProvider.System;
        Directory.Put(new MailDomain { Name = Domain });
        Keyring = new DkimKeyring(Directory, Keys, Time, NullLogger<DkimKeyring>.Instance);
        Domains = new SigningDomains(Directory, Keyring, Time, NullLogger<SigningDomains>.Instance);
        Signer = new MessageSigner(Domains, Time, NullLogger<MessageSigner>.Instance);
    }

    public TimeProvider Time { get; }

    public MemoryDirectory Directory { get; } = new();

    public MemoryDkimKeys Keys { get; } = new();

    public DkimKeyring Keyring { get; }

    public SigningDomains Domains { get; }

    public MessageSigner Signer { get; }

    /// <summary>Without a place for keys: nothing is signed.</summary>
    public static MessageSigner Off
    {
        get
        {
            var keyring = new DkimKeyring(new MemoryDirectory(), null, TimeProvider.System, NullLogger<DkimKeyring>.Instance);
            return new MessageSigner(
                new SigningDomains(new MemoryDirectory(), keyring, TimeProvider.System, NullLogger<SigningDomains>.Instance),
                TimeProvider.System, NullLogger<MessageSigner>.Instance);
        }
    }

    /// <summary>What the domain publishes, by name.</summary>
    public Dictionary<string, string> Records(string domain = Domain) =>
        Directory.Domains[domain].DkimKeys.ToDictionary(k => $"{k.Selector}._domainkey.{domain}", k => k.Record);

    public static OutboundJob Job(bool isOurs = true) => new()
    {
        Id = "m-x",
        Domain = "one.test",
        MessageId = "m",
        Blob = "2026/11/23/m.eml",
        Size = 0,
        MailFrom = new ReversePath { Address = "alice@example.test" },
        IsOurs = isOurs,
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = [new OutboundRecipient { Address = "a@one.test" }],
        NextAttempt = DateTimeOffset.UtcNow,
    };

    /// <summary>The message as it leaves.</summary>
    public async Task<byte[]> SignAsync(byte[] message, bool isOurs = true)
    {
        var done = (SigningResult.Done)await Signer.SignAsync(
            Job(isOurs), _ => Task.FromResult<Stream>(new MemoryStream(message)), CancellationToken.None);
        var whole = new MemoryStream();
        whole.Write(done.Fields.Span);
        await done.Content.CopyToAsync(whole);
        return whole.ToArray();
    }

    public Task<byte[]> SignAsync(string message) => SignAsync(Encoding.UTF8.GetBytes(message));
}

/// <summary>Private keys in memory; away when it is told to be.</summary>
internal sealed class MemoryDkimKeys : IDkimKeyStore
{
    public ConcurrentDictionary<string, string> Keys { get; } = [];

    public bool IsAway { get; set; }

    public int Reads { get; private set; }

    public Task<string?> FindAsync(string name, CancellationToken cancellationToken)
    {
        Reads++;
        Check();
        return Task.FromResult(Keys.GetValueOrDefault(name));
    }

    public Task PutAsync(string name, string pem, CancellationToken cancellationToken)
    {
        Check();
        Keys[name] = pem;
        return Task.CompletedTask;
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        Check();
        Keys.TryRemove(name, out _);
        return Task.CompletedTask;
    }

    private void Check()
    {
        if (IsAway)
        {
            throw new StoreUnavailableException("The vault is away.");
        }
    }
}
