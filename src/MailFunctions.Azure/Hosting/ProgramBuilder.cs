using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Azure.Hosting;

/// <summary>What the edge and the function app have in common before anything is registered.</summary>
public static class ProgramBuilder
{
    private const string Home = "HOME";

    /// <summary>
    /// An argument by which configuration is read once: watching a settings file means watching every folder below the
    /// current one, and a change takes a restart anyway.
    /// </summary>
    public const string ReadOnce = "--hostBuilder:reloadConfigOnChange=false";

    /// <summary>Configuration that is read once, logs in single lines on standard output, and a home folder.</summary>
    public static WebApplicationBuilder Create(string[] args)
    {
        EnsureHome();
        var builder = WebApplication.CreateSlimBuilder([ReadOnce, .. args]);
        Quiet(builder.Logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true));
        return builder;
    }

    /// <summary>Of the libraries' log only what is wrong.</summary>
    public static void Quiet(ILoggingBuilder logging) =>
        logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Azure", LogLevel.Warning);

    /// <summary>
    /// A user without HOME and without a line in /etc/passwd is usual in a container, but .NET throws when it is to look
    /// for that user's certificates, so at the first chain of a TLS certificate. Where there is nothing at all the path
    /// is `/`, which needs not be writable: a store that is not there is empty.
    /// </summary>
    public static void EnsureHome()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Home)))
        {
            Environment.SetEnvironmentVariable(
                Home, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify));
        }
    }
}
