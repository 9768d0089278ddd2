using System.CommandLine;

namespace MailFunctions.Local.Admin;

/// <summary>`admin {resource} {verb}`: the API's operations from a shell, with answers for people.</summary>
internal static class AdminCommand
{
    public static Command Create()
    {
        var target = new AdminTarget();
        var json = new Option<bool>("--json") { Description = "The API's own answer, for scripts", Recursive = true };
        var admin = new Command(
            "admin",
            "The postmaster's commands, for a stack on this machine (--data), or a deployed system (--url and --key, or --azd).") { json };
        target.AddTo(admin);
        foreach (var resource in AdminVerbs.All.GroupBy(v => v.Resource))
        {
            var command = new Command(resource.Key, $"{resource.Key}: {string.Join(", ", resource.Select(v => v.Verb))}");
            foreach (var verb in resource)
            {
                command.Add(Create(verb, target, json));
            }

            admin.Add(command);
        }

        return admin;
    }

    private static Command Create(AdminVerb verb, AdminTarget target, Option<bool> json)
    {
        var command = new Command(verb.Verb, verb.Description);
        var given = new AdminInput(verb);
        given.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                using var http = await target.ConnectAsync(parsed, cancellationToken);
                var call = new AdminCall(verb, given, parsed, parsed.GetValue(json));
                return await call.RunAsync(http, cancellationToken);
            }
            catch (Exception e) when (e is AdminException or HttpRequestException or IOException or UnauthorizedAccessException)
            {
                await parsed.InvocationConfiguration.Error.WriteLineAsync(e.Message);
                return 1;
            }
        });
        return command;
    }
}
