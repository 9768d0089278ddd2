using System.CommandLine;
using MailFunctions.Local.Admin;
using MailFunctions.Local.Bus;
using MailFunctions.Local.Host;
using MailFunctions.Local.Sink;
using MailFunctions.Local.Stack;

var root = new RootCommand("MailFunctions on one machine: the mail edge, the functions, the bus and the storage, each its own process.")
{
    BusCommand.Create(),
    HostCommand.Create(),
    AdminCommand.Create(),
    SinkCommand.Create(),
    Guard.CreateCommand(),
};
StackCommand.Configure(root);
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(90) });
