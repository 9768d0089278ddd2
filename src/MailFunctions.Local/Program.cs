using System.CommandLine;
using MailFunctions.Local.Bus;

var root = new RootCommand("MailFunctions on one machine: the mail edge, the functions, the bus and the storage, each its own process.")
{
    BusCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
