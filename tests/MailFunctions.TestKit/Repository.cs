namespace MailFunctions.TestKit;

/// <summary>Where things are in the checkout.</summary>
public static class Repository
{
    /// <summary>The folder with the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>`debug` or `release`, as the tests were built.</summary>
    private static string Configuration { get; } = Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));

    /// <summary>The build output of a project.</summary>
    public static string OutputOf(string project) => Path.Combine(Root, "artifacts", "bin", project, Configuration);

    /// <summary>The program that a project builds.</summary>
    public static string ProgramOf(string project) =>
        Path.Combine(OutputOf(project), OperatingSystem.IsWindows() ? project + ".exe" : project);

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "MailFunctions.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("The tests have to run from the repository's build output.");
    }
}
