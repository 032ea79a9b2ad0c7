"""The report in one file: charts of what the warehouse knows, and a page for each of the worst calls.

rows        what is asked (words: what it is called)
figures     the key figures, and what was bad about the worst calls
drawing     the forms that charts share
charts      the charts of the first page
call_charts the charts of a call's page
call_page   what else a call's page shows
runtime     the script that draws
page        the page, whole
picture     the first charts as an image, for places that show no page
write       asks, draws, and replaces the file
"""
