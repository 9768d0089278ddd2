namespace MailFunctions.Functions.Dsn;

/// <summary>What reports need of the relay's settings.</summary>
/// <param name="HostName">The reporting MTA.</param>
/// <param name="PerHour">Reports to one address in an hour about mail from others; 0: without a limit.</param>
/// <param name="WarnAfter">Since a message was accepted, until its delay is reported.</param>
/// <param name="GiveUpAfter">Since a message was accepted, until its last attempt.</param>
internal sealed record ReportOptions(string HostName, int PerHour, TimeSpan WarnAfter, TimeSpan GiveUpAfter);
