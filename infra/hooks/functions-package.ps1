# The function app's package needs Unix modes, which Windows does not keep: the host could not start its executable.
$ErrorActionPreference = 'Stop'
[Console]::Error.WriteLine("The function app can't be packaged on Windows, which keeps no executable bits: run 'azd up' in WSL, or deploy from GitHub.")
exit 1
