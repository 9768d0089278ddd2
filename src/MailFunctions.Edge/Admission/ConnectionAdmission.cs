namespace MailFunctions.Edge.Admission;

/// <summary>The answer to a new connection.</summary>
internal enum ConnectionAdmission
{
    Admitted,
    ServerFull,
    ClientFull,
}
