using System.CommandLine;
using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>No role: the whole system.</summary>
internal static class StackCommand
{
    public static void Configure(RootCommand root)
    {
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "Where everything lives; a restart on the same directory finds all mail again",
            DefaultValueFactory = _ => new DirectoryInfo(".local"),
        };
        var offset = new Option<int>("--port-offset") { Description = "Added to every port" };
        var check = new Option<bool>("--check")
        {
            Description = "Send messages through SMTP, read them back through POP3, see one leave and one bounce, and exit with 0, or 1",
        };
        var functionsHost = new Option<string>("--functions-host")
        {
            Description = "What runs the function app: this program, or Azure Functions Core Tools",
            DefaultValueFactory = _ => "local",
        };
        functionsHost.AcceptOnlyFromAmong("local", "func");
        root.Add(data);
        root.Add(offset);
        root.Add(check);
        var relay = new Option<string>("--relay")
        {
            Description = "Where mail for others goes: `sink` keeps it in a folder, `mx` sends it to the hosts that DNS names",
            DefaultValueFactory = _ => "sink",
        };
        relay.AcceptOnlyFromAmong("sink", "mx");
        var resolver = new Option<string?>("--resolver")
        {
            Description = "With `--relay mx`: HOST:PORT of the DNS resolver to ask; else the machine's",
        };
        root.Add(relay);
        root.Add(resolver);
        root.Add(functionsHost);
        root.SetAction((arguments, cancellationToken) => RunAsync(
            arguments.GetValue(data)!.FullName,
            arguments.GetValue(offset),
            arguments.GetValue(check),
            () => LocalRelay.Parse(arguments.GetValue(relay)!, arguments.GetValue(resolver)),
            arguments.GetValue(functionsHost) == "func",
            cancellationToken));
    }

    private static async Task<int> RunAsync(
        string data, int offset, bool check, Func<LocalRelay> parseRelay, bool coreTools, CancellationToken cancellationToken)
    {
        try
        {
            var relay = parseRelay();
            PrivateFile.CreateDirectory(data);
            using var claim = TryClaim(data);
            if (claim is null)
            {
                return check
                    ? await CheckRunningAsync(data, cancellationToken)
                    : throw new StackException($"Another stack runs on {data}: end it, or choose another --data directory.");
            }

            Console.WriteLine($"Starting in {data} …");
            await using var stack = await LocalStack.StartAsync(data, new StackPorts(offset), relay, coreTools, cancellationToken);
            if (check)
            {
                return await new SelfCheck(stack.Info).RunAsync(cancellationToken) ? 0 : 1;
            }

            Describe(stack.Info, relay, data);
            await stack.WatchAsync(cancellationToken);
            return 0;
        }
        catch (StackException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            Console.Error.WriteLine($"The data directory {data} can't be used: {e.Message}");
            return 1;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return 0;
        }
    }

    // How .NET says that another process has the lock of a file, on Linux, macOS and Windows. Anything else is no lock.
    private const int EAgain = 11;
    private const int EAgainOnMac = 35;
    private const int SharingViolation = unchecked((int)0x80070020);

    /// <summary>The directory for this stack alone; null when another has it.</summary>
    private static FileStream? TryClaim(string data)
    {
        try
        {
            return new FileStream(Path.Combine(data, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult is EAgain or EAgainOnMac or SharingViolation)
        {
            return null;
        }
    }

    private static async Task<int> CheckRunningAsync(string data, CancellationToken cancellationToken)
    {
        var path = Path.Combine(data, StackInfo.FileName);
        if (!File.Exists(path)
            || JsonSerializer.Deserialize(
                await File.ReadAllBytesAsync(path, cancellationToken), StackJson.Default.StackInfo) is not { } running)
        {
            throw new StackException($"Another stack is starting on {data}: wait until it is ready.");
        }

        Console.WriteLine($"Checking the stack that runs on {data}.");
        return await new SelfCheck(running).RunAsync(cancellationToken) ? 0 : 1;
    }

    private static void Describe(StackInfo stack, LocalRelay relay, string data)
    {
        var (alice, bob) = (stack.Accounts[0], stack.Accounts[1]);
        Console.WriteLine(
            $"""

              SMTP from other servers   127.0.0.1:{stack.Smtp}
              Submission                127.0.0.1:{stack.Submission} (STARTTLS), 127.0.0.1:{stack.Smtps} (TLS)
              POP3                      127.0.0.1:{stack.Pop3} (STLS), 127.0.0.1:{stack.Pop3s} (TLS)
              Admin API                 {stack.AdminUrl}/api/  key: {stack.AdminKey}
              Mail to elsewhere         {(stack.SinkDirectory is { } sink ? $"127.0.0.1:{stack.Sink}, kept in {sink}" : relay.Describe())}
              Certificate authority     {stack.CertificateAuthority}
              Accounts                  {alice.Address}  {alice.Password}
                                        {bob.Address}  {bob.Password}
              Data, logs, stack.json    {data}

            Try it:
              printf 'Subject: Hello\r\n\r\nHello Bob\r\n' | curl -s smtp://127.0.0.1:{stack.Smtp} --mail-from you@elsewhere.test --mail-rcpt {bob.Address} -T -
              curl -s pop3://127.0.0.1:{stack.Pop3}/1 --user '{bob.Address}:{bob.Password}'

            Ctrl-C ends it.
            """);
        Console.WriteLine("Ready");
    }
}
