using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Amqp;
using Amqp.Listener;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>What is known of a connection: the claims put to it and the links that its answers go to.</summary>
internal sealed class ClientState
{
    private const int MaxClaims = 1000;
    private static readonly ConditionalWeakTable<Connection, ClientState> States = [];

    private readonly ConcurrentDictionary<string, SasClaim> _claims = new();
    private readonly ConcurrentDictionary<ListenerLink, AnswerLink> _answers = new();

    public static ClientState Of(ListenerLink link) => States.GetValue(link.Session.Connection, static _ => new ClientState());

    public void Add(SasClaim claim)
    {
        if (_claims.Count < MaxClaims || _claims.ContainsKey(claim.Path))
        {
            _claims[claim.Path] = claim;
        }
    }

    public bool May(string entity, DateTimeOffset now) => _claims.Values.Any(c => c.Covers(entity, now));

    public void Add(AnswerLink link) => _answers.TryAdd(link.Link, link);

    public void Remove(AnswerLink link) => _answers.TryRemove(KeyValuePair.Create(link.Link, link));

    /// <summary>The link for answers to requests put to <paramref name="node"/>: by the reply-to address, else the only one.</summary>
    public AnswerLink? Find(string node, string? replyTo)
    {
        var candidates = _answers.Values.Where(a => a.Node == node).ToList();
        return candidates.FirstOrDefault(a => replyTo is not null && (a.TargetAddress == replyTo || a.Link.Name == replyTo))
            ?? candidates.FirstOrDefault();
    }
}
