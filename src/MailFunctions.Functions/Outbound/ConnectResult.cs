using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound;

/// <summary>The result of connecting to a host.</summary>
internal abstract record ConnectResult
{
    /// <summary>Greeted, under TLS as required, logged in: ready for transactions.</summary>
    public sealed record Connected(RelaySession Session) : ConnectResult;

    /// <param name="IsTls">TLS, which was required or tried, is what failed.</param>
    public sealed record Failed(HostFailure Failure, bool IsTls) : ConnectResult;
}
