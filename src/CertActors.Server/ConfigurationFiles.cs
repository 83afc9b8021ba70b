using System.Collections.Concurrent;
using System.Text.Json;

namespace CertActors.Server;

/// <summary>
/// The JSON files of the configuration as one source; a later file replaces keys of those before it. They are applied together: while one of them is
/// damaged, missing or cannot be read in time, the last valid configuration stays in use.
/// </summary>
/// <remarks>
/// They are read on a thread of their own, one read at a time: a dead mount or a FIFO without a writer blocks nothing else. The thread is started once,
/// as no descriptor may be free later.
/// </remarks>
internal sealed class ConfigurationFiles : ConfigurationProvider, IConfigurationSource
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    private readonly string[] _paths;
    private readonly Lock _lock = new();
    private readonly BlockingCollection<TaskCompletionSource<Dictionary<string, string?>>> _requests = [];

    // The last read. It may still be in progress, long after its time limit.
    private Task<Dictionary<string, string?>>? _read;
    private Task<string?> _refresh = Task.FromResult<string?>(null);
    private volatile string _pathInProgress = "";
    private string? _reported;

    public ConfigurationFiles(string[] paths)
    {
        _paths = paths;
        if (paths.Length > 0)
            new Thread(AnswerRequests) { IsBackground = true, Name = "configuration files" }.Start();
    }

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>Reads the files for the first time.</summary>
    /// <exception cref="InvalidDataException">One of them cannot be read, or is not JSON.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Load(CancellationToken ended)
    {
        if (_paths.Length > 0)
            Data = ReadAsync().WaitAsync(ended).GetAwaiter().GetResult();
    }

    /// <summary>Reads the files again. A change is reported by the change token before it returns.</summary>
    /// <returns>What is wrong, if the call before did not return the same; otherwise null.</returns>
    public Task<string?> RefreshAsync()
    {
        if (_paths.Length == 0)
            return Task.FromResult<string?>(null);
        lock (_lock)
            return _refresh = RefreshAfterAsync(_refresh);
    }

    private async Task<string?> RefreshAfterAsync(Task earlier)
    {
        await earlier.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            var data = await ReadAsync();
            _reported = null;
            if (data.Count == Data.Count && !data.Except(Data).Any())
                return null;
            Data = data;
            OnReload();
            return null;
        }
        catch (InvalidDataException error) when (error.Message == _reported)
        {
            return null;
        }
        catch (InvalidDataException error)
        {
            return _reported = error.Message;
        }
    }

    private async Task<Dictionary<string, string?>> ReadAsync()
    {
        // What an earlier read returns after its time limit may be out of date.
        if (_read is { IsCompleted: false })
            throw NotInTime();
        var request = new TaskCompletionSource<Dictionary<string, string?>>(TaskCreationOptions.RunContinuationsAsynchronously);
        _read = request.Task;
        _requests.Add(request);
        try
        {
            return await request.Task.WaitAsync(TimeLimit);
        }
        catch (TimeoutException)
        {
            throw NotInTime();
        }
    }

    private InvalidDataException NotInTime() =>
        new($"the configuration file '{_pathInProgress}' cannot be read: the read has not ended within {TimeLimit.TotalSeconds} s; it may be a FIFO, or on a file system that does not respond.");

    private void AnswerRequests()
    {
        foreach (var request in _requests.GetConsumingEnumerable())
        {
            try
            {
                request.SetResult(ReadAll());
            }
            catch (Exception error)
            {
                request.SetException(error);
            }
        }
    }

    private Dictionary<string, string?> ReadAll()
    {
        var data = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var path in _paths)
        {
            _pathInProgress = path;
            foreach (var (key, value) in Read(path))
                data[key] = value;
        }

        return data;
    }

    private static IEnumerable<KeyValuePair<string, string?>> Read(string path)
    {
        try
        {
            using var json = new MemoryStream(File.ReadAllBytes(path));
            return new ConfigurationBuilder().AddJsonStream(json).Build().AsEnumerable();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"the configuration file '{path}' cannot be read: {error.Message}", error);
        }
        catch (Exception error) when (error is JsonException or FormatException)
        {
            throw new InvalidDataException($"the configuration file '{path}' is not valid: {error.Message}", error);
        }
    }
}
