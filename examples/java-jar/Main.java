import com.google.gson.Gson;
import java.util.Map;

/** Prints JSON by a library. */
public class Main {
    public static void main(String[] arguments) {
        System.out.println(new Gson().toJson(Map.of("hello", "world")));
    }
}
