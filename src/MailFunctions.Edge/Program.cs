return await MailFunctions.Edge.EdgeApplication.RunAsync(args);
