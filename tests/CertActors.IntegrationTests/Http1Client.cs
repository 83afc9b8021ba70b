using System.Globalization;
using System.Net.Security;
using System.Text;

namespace CertActors.IntegrationTests;

/// <summary>One HTTP/1.1 connection, which no library closes, opens again or repeats a request on.</summary>
internal sealed class Http1Client(SslStream tls) : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    public string Leaf => KestrelServer.LeafOf(tls);

    /// <returns>The response; null if the server has closed the connection.</returns>
    public async Task<string?> GetAsync(string path = "/")
    {
        await SendAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return await ReceiveAsync();
    }

    /// <inheritdoc cref="GetAsync"/>
    public async Task<string?> PostAsync(string path, string body)
    {
        await SendAsync($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        return await ReceiveAsync();
    }

    public Task SendAsync(string text) => tls.WriteAsync(Encoding.ASCII.GetBytes(text)).AsTask().WaitAsync(Generous);

    /// <summary>Reads a response in chunks, as Kestrel sends those whose length isn't given.</summary>
    /// <inheritdoc cref="GetAsync"/>
    public async Task<string?> ReceiveAsync()
    {
        var response = new StringBuilder();
        while (await ReadLineAsync() is { } line)
        {
            response.Append(line).Append("\r\n");
            if (line.Length > 0)
                continue;
            while (int.Parse((await ReadLineAsync())!, NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var length)
            {
                var chunk = new byte[length];
                await tls.ReadExactlyAsync(chunk).AsTask().WaitAsync(Generous);
                response.Append(Encoding.ASCII.GetString(chunk));
                await ReadLineAsync();
            }

            await ReadLineAsync();
            return response.ToString();
        }

        return null;
    }

    /// <returns>Null if the server has closed the connection.</returns>
    private async Task<string?> ReadLineAsync()
    {
        var (line, next) = (new StringBuilder(), new byte[1]);
        while (await tls.ReadAsync(next).AsTask().WaitAsync(Generous) > 0)
        {
            if (next[0] == '\n')
                return line.ToString().TrimEnd('\r');
            line.Append((char)next[0]);
        }

        return null;
    }

    public ValueTask DisposeAsync() => tls.DisposeAsync();
}
