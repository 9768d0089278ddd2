using MailFunctions.Azure.Hosting;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace MailFunctions.Azure.Tests.Hosting;

/// <summary>What both programs begin with.</summary>
public sealed class ProgramBuilderTests
{
    [Fact]
    public void Create_SettingsFiles_AreNotWatched()
    {
        var files = ProgramBuilder.Create([]).Configuration.Sources.OfType<FileConfigurationSource>().ToList();

        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.False(
            file.ReloadOnChange, $"{file.Path} is watched, and with it every folder below {Environment.CurrentDirectory}."));
    }

    [Fact]
    public void Create_CommandLine_IsRead() =>
        Assert.Equal("2525", ProgramBuilder.Create(["--Edge:Ports:Smtp=2525"]).Configuration["Edge:Ports:Smtp"]);
}
