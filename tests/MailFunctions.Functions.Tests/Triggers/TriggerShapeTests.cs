using System.Reflection;
using MailFunctions.Functions.Hosting;
using Microsoft.Azure.Functions.Worker;
using Xunit;

namespace MailFunctions.Functions.Tests.Triggers;

/// <summary>All functions have one shape: a sealed class, its dependencies in the constructor, one `RunAsync`.</summary>
public sealed class TriggerShapeTests
{
    [Fact]
    public void Functions_AllHaveOneShape()
    {
        const BindingFlags All =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var functions = typeof(AdminFunction).Assembly.GetTypes()
            .Where(t => t.GetMethods(All).Any(m => m.GetCustomAttribute<FunctionAttribute>() is not null)).ToList();

        Assert.Equal(
            ["Admin", "Health", "Housekeeping", "Inbound", "OpenApi", "Outbound"],
            functions.Select(t => Assert.Single(t.GetMethods(All), m => m.Name == "RunAsync").GetCustomAttribute<FunctionAttribute>()!.Name)
                .Order(StringComparer.Ordinal));
        Assert.All(functions, t => Assert.True(
            t is { IsSealed: true, IsNotPublic: true } && t.Name.EndsWith("Function", StringComparison.Ordinal), t.Name));
        Assert.All(functions, t => Assert.True(Assert.Single(t.GetConstructors()).GetParameters().Length is > 0 and <= 7, t.Name));
    }
}
