namespace MailFunctions.Protocols.Pop3;

/// <summary>The states of RFC 1939 §3; UPDATE lasts only as long as QUIT does.</summary>
[Flags]
internal enum Pop3State
{
    Authorization = 1,
    Transaction = 2,
    Both = Authorization | Transaction,
}

/// <summary>A row of the command table.</summary>
/// <param name="BlanksCount">Those around the argument are a part of it.</param>
internal sealed record Pop3CommandRule(
    string Verb, Pop3State State, Func<Pop3Session, string, CancellationToken, ValueTask> Run, bool BlanksCount = false);
