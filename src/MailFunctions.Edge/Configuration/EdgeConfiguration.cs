using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Configuration;

/// <summary>Reads the edge's own sections strictly: an unknown key or an impossible value is a fault before anything starts.</summary>
internal static class EdgeConfiguration
{
    /// <summary>Binds and registers the options; returns the faults, each a sentence that names the key.</summary>
    public static IReadOnlyList<string> AddEdgeOptions(this IServiceCollection services, IConfiguration configuration)
    {
        var faults = new List<string>();
        var edge = Bind<EdgeOptions>(services, configuration, EdgeOptions.Section, (section, o) => section.Bind(o, Strictly), faults);
        var tls = Bind<TlsOptions>(services, configuration, TlsOptions.Section, (section, o) => section.Bind(o, Strictly), faults);
        var login = Bind<LoginOptions>(services, configuration, LoginOptions.Section, (section, o) => section.Bind(o, Strictly), faults);
        var rates = Bind<RateOptions>(services, configuration, RateOptions.Section, (section, o) => section.Bind(o, Strictly), faults);
        var smtp = Bind<SmtpOptions>(services, configuration, SmtpOptions.Section, (section, o) => section.Bind(o, Strictly), faults);
        var pop3 = Bind<Pop3Options>(services, configuration, Pop3Options.Section, (section, o) => section.Bind(o, Strictly), faults);
        if (faults.Count == 0)
        {
            faults.AddRange(edge.Faults());
            faults.AddRange(tls.Faults(edge.Ports));
            faults.AddRange(login.Faults());
            faults.AddRange(rates.Faults());
            faults.AddRange(smtp.Faults());
            faults.AddRange(pop3.Faults());
        }

        return faults;
    }

    private static void Strictly(BinderOptions binder) => binder.ErrorOnUnknownConfiguration = true;

    /// <param name="bind">Calls the binder with the type spelled out: its code is made by the compiler, for a trimmed edge.</param>
    private static T Bind<T>(
        IServiceCollection services, IConfiguration configuration, string section, Action<IConfigurationSection, T> bind,
        List<string> faults)
        where T : class, new()
    {
        var options = new T();
        try
        {
            bind(configuration.GetSection(section), options);
        }
        catch (InvalidOperationException e)
        {
            // The binder names the key or keys in its message, and the value that it could not convert in the inner one.
            faults.Add($"{section}: {e.Message}{(e.InnerException is { } inner ? $" ({inner.Message})" : "")}");
        }

        services.AddSingleton<IOptions<T>>(new OptionsWrapper<T>(options));
        return options;
    }
}
