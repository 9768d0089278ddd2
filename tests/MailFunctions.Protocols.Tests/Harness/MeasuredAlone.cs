using Xunit;

namespace MailFunctions.Protocols.Tests.Harness;

/// <summary>
/// Tests that measure what the whole process holds: they run while no other test does, or they would count what the others hold.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredAlone
{
    public const string Name = "Measured alone";
}
