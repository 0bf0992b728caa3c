const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);

/** strftime(3); the host's time zone is UTC. */
export function formatDate(date: Date, format: string): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const yearDay = Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000);
  const one = (letter: string): string => {
    switch (letter) {
      case "Y":
        return String(date.getUTCFullYear());
      case "y":
        return two(date.getUTCFullYear() % 100);
      case "C":
        return two(Math.floor(date.getUTCFullYear() / 100));
      case "m":
        return two(date.getUTCMonth() + 1);
      case "d":
        return two(date.getUTCDate());
      case "e":
        return String(date.getUTCDate()).padStart(2);
      case "H":
        return two(date.getUTCHours());
      case "I":
        return two(date.getUTCHours() % 12 || 12);
      case "M":
        return two(date.getUTCMinutes());
      case "S":
        return two(date.getUTCSeconds());
      case "N":
        return `${String(date.getUTCMilliseconds()).padStart(3, "0")}000000`;
      case "p":
        return date.getUTCHours() < 12 ? "AM" : "PM";
      case "A":
        return DAYS[date.getUTCDay()]!;
      case "a":
        return DAYS[date.getUTCDay()]!.slice(0, 3);
      case "B":
        return MONTHS[date.getUTCMonth()]!;
      case "b":
      case "h":
        return MONTHS[date.getUTCMonth()]!.slice(0, 3);
      case "j":
        return String(yearDay + 1).padStart(3, "0");
      case "u":
        return String(date.getUTCDay() || 7);
      case "w":
        return String(date.getUTCDay());
      case "s":
        return String(Math.floor(date.getTime() / 1000));
      case "Z":
        return "UTC";
      case "z":
        return "+0000";
      case "n":
        return "\n";
      case "t":
        return "\t";
      case "%":
        return "%";
      case "F":
        return formatDate(date, "%Y-%m-%d");
      case "T":
      case "X":
        return formatDate(date, "%H:%M:%S");
      case "R":
        return formatDate(date, "%H:%M");
      case "D":
      case "x":
        return formatDate(date, "%m/%d/%y");
      case "c":
        return formatDate(date, "%a %b %e %H:%M:%S %Y");
      case "+":
        return formatDate(date, "%a %b %e %H:%M:%S %Z %Y");
      default:
        return letter;
    }
  };
  return format.replace(/%[EO]?([a-zA-Z%+])/g, (_, letter: string) => one(letter));
}
